/** An image's HEALTHCHECK: asks the service beside it whether it lives, and exits with 0 when it says so in time. */
import { request as http } from 'node:http';
import { request as https } from 'node:https';

const ANSWER_MS_MAX = 3_000;

const { SERVER_PORT = '8080', TLS_CERT = '' } = process.env;
const send = TLS_CERT === '' ? http : https;
const asked = send({
  host: '127.0.0.1',
  port: SERVER_PORT,
  path: '/health/live',
  timeout: ANSWER_MS_MAX,
  agent: false,
  // It speaks to its own container, and the certificate names the world's address.
  rejectUnauthorized: false,
});
asked.on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1));
asked.on('timeout', () => process.exit(1));
asked.on('error', () => process.exit(1));
asked.end();
