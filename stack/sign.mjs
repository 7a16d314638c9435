import { createHash, createHmac } from 'node:crypto';

const sha256 = (value) => createHash('sha256').update(value).digest('hex');
const hmac = (key, value) => createHmac('sha256', key).update(value).digest();
const REGION = 'us-east-1';

/**
 * Sends one signed request (Signature Version 4) to the object store: `service` is `s3` for objects and
 * `iam` for accounts. Returns the status and the body; never throws for a refusal.
 */
export async function sendSigned(
  { endpoint, accessKey, secretKey },
  { method, path, body = '', service, type = 'application/octet-stream' },
) {
  const url = new URL(path, endpoint);
  const instant = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const day = instant.slice(0, 8);
  const headers = {
    'content-type': type,
    host: url.host,
    'x-amz-content-sha256': sha256(body),
    'x-amz-date': instant,
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    method,
    url.pathname,
    '',
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    sha256(body),
  ].join('\n');
  const scope = `${day}/${REGION}/${service}/aws4_request`;
  const key = [day, REGION, service, 'aws4_request'].reduce(hmac, `AWS4${secretKey}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', instant, scope, sha256(canonical)].join('\n'));
  const { host: _, ...sent } = headers;
  const response = await fetch(url, {
    method,
    headers: {
      ...sent,
      authorization:
        `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${names.join(';')}, ` +
        `Signature=${signature.toString('hex')}`,
    },
    signal: AbortSignal.timeout(10_000),
    ...(body !== '' && { body }),
  });
  return { status: response.status, text: await response.text() };
}
