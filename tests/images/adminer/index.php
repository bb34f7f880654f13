<?php
// The login form with the server's name filled in, as the official image has it.
function adminer_object() {
    return new class extends Adminer {
        function loginFormField($name, $heading, $value) {
            $server = htmlspecialchars(getenv('ADMINER_DEFAULT_SERVER') ?: 'db');
            $value = $name === 'server' ? str_replace('value=""', "value=\"$server\"", $value) : $value;
            return parent::loginFormField($name, $heading, $value);
        }
    };
}
require '/usr/share/adminer/adminer.php';
