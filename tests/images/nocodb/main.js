// npm has NocoDB as a library: this is the server around it.
const app = require('express')();
const { Noco } = require('nocodb');

const server = app.listen(process.env.PORT, async () => app.use(await Noco.init({}, server, app)));
