// A real WebSocket server on Node.js and the package ws, for tests: it echoes.
// node ws_server.js [CERT KEY]: prints its port, and serves until stdin ends.
// It lives by what the client sends: "close CODE REASON" closes, "ping" pings,
// "to all TEXT" goes to every client, anything else comes back.
'use strict';
const fs = require('fs');
const {WebSocketServer} = require('/usr/share/nodejs/ws');
const [cert, key] = process.argv.slice(2);
const server = cert
  ? require('https').createServer({cert: fs.readFileSync(cert), key: fs.readFileSync(key)})
  : require('http').createServer();
const sockets = new WebSocketServer({
  server,
  handleProtocols: (offered) => offered.has('chat.v2') ? 'chat.v2' : false,
  verifyClient: ({origin}) => origin !== 'https://evil.example.com',
});
sockets.on('connection', (socket, request) => {
  socket.on('message', (data, binary) => {
    const text = data.toString();
    const close = /^close (\d+) ?(.*)$/.exec(text);
    if (close) socket.close(Number(close[1]), close[2]);
    else if (text === 'ping') socket.ping('from the server');
    else if (text === 'who') socket.send(request.headers.authorization || 'nobody');
    else if (text.startsWith('to all ')) {
      for (const other of sockets.clients) other.send(text.slice(7));
    } else socket.send(data, {binary});
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume().on('end', () => process.exit(0));
