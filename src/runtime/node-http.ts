/**
 * `node:http`. An `import` of it reads everything that it exports, WebSocket among them, and with that loads the whole of
 * undici: 6 MB for each process, half of them anonymous, that nothing here uses.
 */
export const http = process.getBuiltinModule('node:http')
