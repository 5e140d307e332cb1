/** Not imported: an import reads every export of a built-in, and `http.WebSocket` loads Node's whole fetch, 40 ms. */
export const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http');
