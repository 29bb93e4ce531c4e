// A real OpenID provider (npm `oidc-provider`) for tests/it/oidc.rs: one web client with PKCE, one program,
// people by the name they type. Prints its address once it listens; POST /test/rotate gives it new keys.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const REDIRECT = process.argv[2];
const ROLES = { rossi: ['operatori'], verdi: ['giardinieri'], neri: ['operatori', 'revisori'] };

let keys = 0;
function key() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  keys += 1;
  return { ...privateKey.export({ format: 'jwk' }), kid: `key-${keys}`, use: 'sig', alg: 'RS256' };
}

function provider(issuer) {
  const made = new Provider(issuer, {
    jwks: { keys: [key()] },
    cookies: { keys: ['only for tests'] },
    clients: [
      { client_id: 'raccordo', client_secret: 'a/secret:of+tests', redirect_uris: [REDIRECT] },
      {
        client_id: 'csi', client_secret: 'secret-of-csi', redirect_uris: [], response_types: [],
        grant_types: ['client_credentials'],
      },
    ],
    pkce: { required: () => true },
    conformIdTokenClaims: false,
    claims: { openid: ['sub', 'roles'], profile: ['preferred_username'] },
    extraTokenClaims: () => ({ roles: ['operatori'] }),
    findAccount: (context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, roles: ROLES[id] ?? [] }),
    }),
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (context, resource) => ({
          scope: 'api', audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  });
  return made.callback();
}

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  let answer = provider(issuer);
  server.on('request', (request, response) => {
    if (request.url === '/test/rotate') {
      answer = provider(issuer);
      response.end('rotated');
    } else {
      answer(request, response);
    }
  });
  console.log(issuer);
});
process.stdin.on('end', () => process.exit(0)).resume();
