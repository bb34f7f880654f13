#!/bin/sh
# For ANSIBLE_VAULT_PASSWORD_FILE: Ansible runs this script and reads the vault's password from its output.
printf '%s\n' "${VAULT_PASSWORD:?set VAULT_PASSWORD to the password of group_vars/all/vault.yml}"
