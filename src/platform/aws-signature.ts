import { createHash, createHmac } from 'node:crypto';

/** Whose request it is and where it goes. */
export interface SignedAccess {
  /** http(s) URL without a path. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

const TIMEOUT_MS = 10_000;
const sha256 = (value: string): string => createHash('sha256').update(value).digest('hex');
const hmac = (key: string | Buffer, value: string): Buffer =>
  createHmac('sha256', key).update(value).digest();

/**
 * Posts a form to an interface of the object store, signed with Signature Version 4. Returns status and
 * body; a refusal is an answer, not an error.
 *
 * @param service - name that the signature is bound to, e.g. `iam`.
 * @throws an error of `fetch` when the store does not answer within ten seconds.
 */
export async function postSigned(
  access: SignedAccess,
  service: string,
  form: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly text: string }> {
  const url = new URL('/', access.endpoint);
  const body = new URLSearchParams(form).toString();
  const instant = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const headers: Readonly<Record<string, string>> = {
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    'x-amz-content-sha256': sha256(body),
    'x-amz-date': instant,
  };
  const authorization = sign({ access, service, instant, body, headers, host: url.host });
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, authorization },
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return { status: response.status, text: await response.text() };
}

function sign(request: {
  readonly access: SignedAccess;
  readonly service: string;
  readonly instant: string;
  readonly body: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
}): string {
  const { access, service, instant } = request;
  const signed: Readonly<Record<string, string>> = { ...request.headers, host: request.host };
  const names = Object.keys(signed).sort();
  const canonical = [
    'POST',
    '/',
    '',
    ...names.map((name) => `${name}:${signed[name] ?? ''}`),
    '',
    names.join(';'),
    sha256(request.body),
  ].join('\n');
  const scope = [instant.slice(0, 8), access.region, service, 'aws4_request'];
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${access.secretKey}`);
  const text = ['AWS4-HMAC-SHA256', instant, scope.join('/'), sha256(canonical)].join('\n');
  return (
    `AWS4-HMAC-SHA256 Credential=${access.accessKey}/${scope.join('/')}, ` +
    `SignedHeaders=${names.join(';')}, Signature=${hmac(key, text).toString('hex')}`
  );
}
