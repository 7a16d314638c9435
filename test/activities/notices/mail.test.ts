import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { createMailSender } from '../../../src/activities/notices/mail';
import type { MailServer, Receiver } from '../../../src/contracts/notices';
import type { Notice } from '../../../src/domain/notices';
import { selfSigned } from '../../support/self-signed';

interface Mail {
  readonly to: readonly string[];
  readonly text: string;
  readonly secure: boolean;
}

const identity = selfSigned('mail.receiver.test');
const mails: Mail[] = [];
let refuse: string | null = null;
let server: SMTPServer;

beforeAll(async () => {
  server = new SMTPServer({
    ...identity,
    onAuth: ({ username, password }, _, done) => {
      const known = username === 'lethe' && password === 'right';
      done(known ? null : new Error('535 wrong'), known ? { user: username } : undefined);
    },
    authOptional: true,
    allowInsecureAuth: true,
    onRcptTo: (_, __, done) => {
      done(refuse === null ? null : new Error(refuse));
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        mails.push({
          to: session.envelope.rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString('utf8'),
          secure: session.secure,
        });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});
afterAll(
  () =>
    new Promise<void>((resolve) => {
      server.close(resolve);
    }),
);
beforeEach(() => {
  mails.length = 0;
  refuse = null;
});

const mailServer = (change: Partial<MailServer> = {}): MailServer => ({
  host: '127.0.0.1',
  port: (server.server.address() as AddressInfo).port,
  security: 'none',
  login: { user: 'lethe', password: 'right' },
  from: 'lethe@example.test',
  ...change,
});

const sender = (given: MailServer | null, withinMs = 5_000) =>
  createMailSender({
    environment: 'prod',
    secrets: { secretsOf: () => [], mailServer: () => given },
    withinMs,
  });

const dpo: Receiver = {
  name: 'dpo',
  kind: 'mail',
  address: 'dpo@example.test',
  language: 'en',
  tenantId: null,
  kinds: [],
  fromSequence: 0,
};
const notice = (sequence: number, kind: Notice['kind'] = 'certificate.issued'): Notice => ({
  id: `nt_${String(sequence).padStart(32, '0')}`,
  sequence,
  kind,
  tenantId: 'tn_7cf777fbcd7ae3f6ddb4',
  at: '2030-07-06T18:00:01.168704Z',
  data: { runId: 'rn_8577f0a3446bb3a911b2ea4d70805f82', dueOn: '2030-07-06', recordClass: null },
});

/** The text as a reader sees it. */
function bodyOf(mail: Mail | undefined): string {
  const [head = '', ...rest] = (mail?.text ?? '').split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  if (/^content-transfer-encoding: base64/im.test(head)) {
    return Buffer.from(body, 'base64').toString('utf8');
  }
  return body
    .replace(/=\r\n/g, '')
    .replace(/((=[0-9A-F]{2})+)/g, (hex) =>
      Buffer.from(hex.replaceAll('=', ''), 'hex').toString('utf8'),
    );
}

describe('a mail', () => {
  it('arrives at a real mail server as plain text with ids, and nothing else of a tenant', async () => {
    const outcome = await sender(mailServer()).send(dpo, [notice(1), notice(2, 'deadline.missed')]);
    expect(outcome).toEqual({ delivered: true, httpStatus: null });
    expect(mails).toHaveLength(1);
    expect(mails[0]?.to).toEqual(['dpo@example.test']);
    expect(mails[0]?.text).toMatch(/^content-type: text\/plain; charset=utf-8/im);
    expect(mails[0]?.text).toMatch(/^auto-submitted: auto-generated/im);
    expect(mails[0]?.text).toMatch(/^subject: \[lethe prod\] 2 notices \(needs a person\)/im);
    const body = bodyOf(mails[0]);
    expect(body).toContain('A certificate of destruction was issued.');
    expect(body).toContain('A deadline was missed; the breach is recorded. (needs a person)');
    expect(body).toContain('runId: rn_8577f0a3446bb3a911b2ea4d70805f82');
    expect(body).not.toContain('recordClass');
  });

  it('speaks Chinese to who asked for it', async () => {
    await sender(mailServer()).send({ ...dpo, language: 'zh' }, [notice(3)]);
    expect(bodyOf(mails[0])).toContain('已签发销毁证明。');
    expect(bodyOf(mails[0])).toContain('租户: tn_7cf777fbcd7ae3f6ddb4');
  });

  it('has the same name when it is sent again', async () => {
    const names = [];
    for (let turn = 0; turn < 2; turn += 1) {
      await sender(mailServer()).send(dpo, [notice(4), notice(5)]);
      names.push(/^message-id:\s+(\S+)/im.exec(mails[turn]?.text ?? '')?.[1]);
    }
    expect(names[0]).toMatch(/^<nt_0+4\.nt_0+5@prod\.lethe>$/);
    expect(names[1]).toBe(names[0]);
  });

  it.each([
    [
      'wants another login',
      () => mailServer({ login: { user: 'lethe', password: 'wrong' } }),
      'refused',
    ],
    ['does not know the mailbox', () => ((refuse = '550 nobody'), mailServer()), 'refused'],
    ['is not there', () => mailServer({ port: 1 }), 'unreachable'],
    ['has a certificate of nobody', () => mailServer({ security: 'starttls' }), 'tls'],
    ['is not configured', () => null, 'no-mail-server'],
  ])('is not delivered when the server %s', async (_, given, reason) => {
    expect(await sender(given()).send(dpo, [notice(6)])).toEqual({
      delivered: false,
      reason,
      httpStatus: null,
    });
    expect(mails).toEqual([]);
  });

  it('cannot be led to other recipients or headers by what it tells', async () => {
    const data = { note: 'x\r\nBcc: other@example.test\r\n.\r\nRSET' };
    await sender(mailServer()).send(dpo, [{ ...notice(7), data }]);
    expect(mails).toHaveLength(1);
    expect(mails[0]?.to).toEqual(['dpo@example.test']);
    expect(mails[0]?.text.split('\r\n\r\n')[0]).not.toMatch(/^bcc:/im);
  });
});
