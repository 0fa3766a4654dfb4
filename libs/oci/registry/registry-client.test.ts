import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { digestOf } from '@gantry/oci/digest';
import { mediaTypes } from '@gantry/oci/manifest';
import { startRegistry, type TestRegistry } from '@gantry/testing/registry';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Credentials } from './authorizer.ts';
import { openRegistry } from './index.ts';

const bytesOf = async (body: Readable) => Buffer.concat(await body.toArray());

describe("against Debian's docker-registry", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    // gantry / secret
    registry = await startRegistry({ htpasswd: 'gantry:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a' });
  });
  afterAll(() => registry.close());
  const client = (credentials: Credentials | null, path = 'team/app') =>
    openRegistry({ domain: registry.domain, path, credentials, isInsecure: true, actions: 'pull,push' });

  it('pushes, mounts and pulls with basic authentication', async () => {
    const own = client({ username: 'gantry', password: 'secret' });
    const layer = randomBytes(300_000);
    const config = Buffer.from('{}');
    for (const blob of [layer, config]) {
      const upload = { digest: digestOf(blob), sizeBytes: blob.length, open: () => Readable.from([blob]) };
      expect(await own.hasBlob(upload.digest)).toBe(false);
      expect(await own.pushBlob(upload)).toBe('pushed');
      expect(await own.hasBlob(upload.digest)).toBe(true);
    }
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
        layers: [{ mediaType: mediaTypes.ociLayer, digest: digestOf(layer), size: layer.length }],
      }),
    );
    expect(await own.putManifest('v1', manifest, mediaTypes.ociManifest)).toBe(digestOf(manifest));
    expect(await own.headManifest('v1')).toEqual({ digest: digestOf(manifest), mediaType: mediaTypes.ociManifest });
    expect((await own.getManifest('v1')).bytes.equals(manifest)).toBe(true);

    const { body, startsAt } = await own.getBlob(digestOf(layer), 100_000);
    expect(startsAt).toBe(100_000);
    expect((await bytesOf(body)).equals(layer.subarray(100_000))).toBe(true);

    const other = client({ username: 'gantry', password: 'secret' }, 'team/other');
    const mount = { digest: digestOf(layer), sizeBytes: layer.length, open: () => Readable.from([layer]), mountFrom: 'team/app' };
    expect(await other.pushBlob(mount)).toBe('mounted');
  });

  it('says who is not let in, and what is not there', async () => {
    await expect(client(null).headManifest('v1')).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(client({ username: 'gantry', password: 'wrong' }).getManifest('v1')).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(client({ username: 'gantry', password: 'secret' }).getManifest('nothing')).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('against registries that misbehave', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  });

  async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
    const server = createServer(handle);
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port');
    return `127.0.0.1:${address.port}`;
  }
  const credentials = { username: 'u', password: 'p' };
  const client = (domain: string, given: Credentials | null = credentials) =>
    openRegistry({ domain, path: 'app', credentials: given, isInsecure: true, actions: 'pull' });
  const digest = digestOf(Buffer.from('blob'));

  it('follows a redirect to another host without the credentials', async () => {
    const seen: (string | undefined)[] = [];
    const storage = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('blob');
    });
    const domain = await serve((request, response) => {
      if (request.headers.authorization === undefined) response.writeHead(401, { 'www-authenticate': 'Basic realm=x' }).end();
      else response.writeHead(307, { location: `http://${storage}/elsewhere` }).end();
    });
    const { body } = await client(domain).getBlob(digest, 0);
    expect((await bytesOf(body)).toString()).toBe('blob');
    expect(seen).toEqual([undefined]);
  });

  it('does not hand credentials to a plain token server on another host', async () => {
    let asked = 0;
    const thief = await serve((_request, response) => {
      asked++;
      response.end('{"token":"t"}');
    });
    const domain = await serve((_request, response) => response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${thief}/token"` }).end());
    await expect(client(domain).headManifest('v1')).rejects.toMatchObject({ code: 'unauthorized' });
    expect(asked).toBe(0);
  });

  it('gets a token for the scope of the challenge and uses it', async () => {
    const domain = await serve((request, response) => {
      if (request.url?.startsWith('/token') === true) {
        const url = new URL(request.url, 'http://registry');
        const isRight =
          request.headers.authorization === `Basic ${Buffer.from('u:p').toString('base64')}` && url.searchParams.get('scope') === 'repository:app:pull';
        response.writeHead(isRight ? 200 : 403).end('{"access_token":"good"}');
      } else if (request.headers.authorization === 'Bearer good') {
        response.writeHead(200, { 'docker-content-digest': digest, 'content-type': mediaTypes.ociIndex }).end();
      } else {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token",service="s",scope="repository:app:pull"` }).end();
      }
    });
    expect(await client(domain).headManifest('v1')).toEqual({ digest, mediaType: mediaTypes.ociIndex });
  });

  it('tries again after errors of the server, and waits as long as a rate limit says', async () => {
    const statuses = [500, 429];
    const domain = await serve((_request, response) => {
      const status = statuses.shift();
      if (status === undefined) response.writeHead(200, { 'docker-content-digest': digest }).end();
      else response.writeHead(status, { 'retry-after': '0' }).end();
    });
    expect((await client(domain).headManifest('v1')).digest).toBe(digest);
    expect(statuses).toEqual([]);
  });

  it('gives up after some tries', async () => {
    let requests = 0;
    const domain = await serve((_request, response) => {
      requests++;
      response.writeHead(429, { 'retry-after': '0' }).end('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}');
    });
    await expect(client(domain).getManifest('v1')).rejects.toMatchObject({
      code: 'rate-limited',
      message: expect.stringContaining('toomanyrequests: slow down'),
    });
    expect(requests).toBe(5);
  });

  it('refuses a manifest that is not the one asked for', async () => {
    const domain = await serve((_request, response) => response.end('{"other":true}'));
    await expect(client(domain).getManifest(digest)).rejects.toMatchObject({ code: 'digest-mismatch' });
  });

  it('refuses a manifest without end', async () => {
    const domain = await serve((_request, response) => response.end(Buffer.alloc(5 * 1024 * 1024, ' ')));
    await expect(client(domain).getManifest('v1')).rejects.toMatchObject({ code: 'too-large' });
  });

  it('stops at a redirect loop', async () => {
    const domain = await serve((_request, response) => response.writeHead(302, { location: '/v2/again' }).end());
    await expect(client(domain).getBlob(digest, 0)).rejects.toThrow('redirects more than 5 times');
  });
});
