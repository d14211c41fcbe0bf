// A real OpenID provider for tests: npm's oidc-provider on a free port of loopback, with its own pages for login and consent.
// Standard input has a JSON object a line: first {"clients": [...], "people": {login: claims}}; then {"rotate": true} for new keys.
// Standard output: {"issuer": URL} as soon as it listens, then "done" for each line.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

console.info = console.warn = console.error; // standard output is for answers
let settings;
let handle = (req, res) => res.writeHead(503).end();
const server = createServer((req, res) => handle(req, res));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

function key(kind, options, alg) {
  return { ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg, use: 'sig' };
}

function begin() {
  const provider = new Provider(issuer, {
    clients: settings.clients,
    jwks: { keys: [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')] },
    cookies: { keys: ['only a test'] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'], groups: ['groups'] },
    conformIdTokenClaims: settings.conform ?? true,
    pkce: { required: () => true },
    findAccount: (ctx, login) => settings.people[login] && {
      accountId: login,
      claims: () => ({ sub: login, ...settings.people[login] }),
    },
  });
  handle = provider.callback();
}

console.log(JSON.stringify({ issuer }));
for await (const line of createInterface({ input: process.stdin })) {
  const said = JSON.parse(line);
  settings = said.rotate ? settings : said;
  begin();
  console.log('done');
}
process.exit(0); // whoever started it has gone
