import { EVIDENCE_RETENTION } from '../domain/evidence-retention';
import { ARCHIVE_NAMES } from './evidence-archive';

/** What the reader of an archive is told in both languages. */
export interface ReadmeFacts {
  readonly tenantId: string;
  readonly origin: string;
  readonly size: number;
  readonly at: string;
  readonly entries: number;
  readonly certificates: number;
  /** Day until which the provider keeps it, at the least. */
  readonly keptUntil: string;
}

/** The commands that check every certificate and checkpoint without this product. */
const BY_OPENSSL = `    part() { sed -n "s/.*\\"$1\\":\\"\\([A-Za-z0-9_-]*\\)\\".*/\\1/p" "$2"; }
    pad() { set -- "$1"; while [ $((\${#1} % 4)) -ne 0 ]; do set -- "$1="; done; printf '%s' "$1"; }
    decode() { pad "$1" | tr '_-' '/+' | openssl base64 -d -A; }
    for f in certificates/*.json; do
      key=$(decode "$(part protected "$f")" | sed 's/.*"kid":"\\([^"]*\\)".*/\\1/')
      printf '%s.%s' "$(part protected "$f")" "$(part payload "$f")" > signed.txt
      decode "$(part signature "$f")" > signature.bin
      openssl pkeyutl -verify -pubin -inkey "keys/$key.pem" -rawin -in signed.txt -sigfile signature.bin || exit 1
    done
    for f in checkpoints/*.txt; do
      sed '/^$/,$d' "$f" > head.txt
      sed -n 's/^— [^ ]* //p' "$f" | openssl base64 -d -A | tail -c 64 > signature.bin
      openssl pkeyutl -verify -pubin -inkey "keys/LOG-KEY.pem" -rawin -in head.txt -sigfile signature.bin || exit 1
    done`;

/** The commands that take the signed file out of a paper. */
const OUT_OF_PAPER = `    grep -a '^{.*"payload":"' papers/ce_....en.pdf | cmp - certificates/ce_....json`;

/** The English page of an archive. */
export const readmeInEnglish = (facts: ReadmeFacts): string => `# Evidence of one tenant

This archive is about tenant \`${facts.tenantId}\`. It holds ${facts.certificates} certificates of destruction and
${facts.entries} entries of the evidence ledger \`${facts.origin}\`, as of its checkpoint over ${facts.size} entries
(${facts.at}). It holds no data of the tenant: only ids, counts, digests and instants.

| File | What it is |
| --- | --- |
| \`certificates/*.json\` | one certificate each, signed (JWS, EdDSA), with its ledger entry and the proof of it |
| \`papers/*.pdf\` | the same certificates for reading and filing, in English and Chinese, each with its signed file attached |
| \`${ARCHIVE_NAMES.entries}\` | the tenant's ledger entries, each with its hash and its path to the root (RFC 6962) |
| \`checkpoints/*.txt\` | signed states of the ledger (c2sp.org/tlog-checkpoint) |
| \`${ARCHIVE_NAMES.consistency}\` | proofs that each older checkpoint is the beginning of the newest one |
| \`${ARCHIVE_NAMES.signers}\` | public keys of the people who signed the orders in certificates, where there are any; compare them with the provider's own list |
| \`${ARCHIVE_NAMES.keys}\`, \`keys/*.pem\` | public keys; compare them with those you got another way |

## Check everything

    lethe evidence verify --archive THIS-FILE.tar --keys keys.json

Take \`keys.json\` from the provider's publication or from an earlier archive, not from this one: whoever
makes an archive could put keys of his own into it. The command needs no network and no server. It checks the
papers, too: it prints them again and compares every byte.

## Check every certificate and checkpoint with OpenSSL alone

In the unpacked archive; LOG-KEY is the key of the ledger, as \`keys.json\` names it.

${BY_OPENSSL}

It prints "Signature Verified Successfully" once for each file. A certificate itself is the payload, in
base64url. That a paper carries the signed file:

${OUT_OF_PAPER}

## What it proves

Each entry and certificate is genuine, unchanged and in the one ledger that the checkpoints sign; no
certificate that an entry names is missing. It does not prove that no entry of the tenant was left out of
the archive. Compare the newest checkpoint with one from elsewhere to see that all were shown the same ledger.

## How long the provider keeps it

Evidence has a retention rule of its own: until ${facts.keptUntil} at the least, ${EVIDENCE_RETENTION.years} years from the newest entry in this archive.
It proves that data is gone and holds none of it, so it outlives the data.
`;

/** The Chinese page of an archive. */
export const readmeInChinese = (facts: ReadmeFacts): string => `# 单个租户的证据

本归档涉及租户 \`${facts.tenantId}\`，包含 ${facts.certificates} 份销毁证明和证据账本
\`${facts.origin}\` 中的 ${facts.entries} 条记录，以覆盖 ${facts.size} 条记录的检查点（${facts.at}）为准。
其中不含租户的任何数据，只有编号、数量、摘要值和时刻。

| 文件 | 内容 |
| --- | --- |
| \`certificates/*.json\` | 每个文件是一份已签名的销毁证明（JWS，EdDSA），附账本记录及其收录证明 |
| \`papers/*.pdf\` | 上述销毁证明的中文和英文阅读件，供阅读和存档，各附已签名的文件 |
| \`${ARCHIVE_NAMES.entries}\` | 该租户的账本记录，每条附哈希值和通向树根的路径（RFC 6962） |
| \`checkpoints/*.txt\` | 账本的已签名状态（c2sp.org/tlog-checkpoint） |
| \`${ARCHIVE_NAMES.consistency}\` | 证明每个较早的检查点都是最新检查点的开头部分 |
| \`${ARCHIVE_NAMES.signers}\` | 签署销毁证明所附删除指令的人员的公钥（如有）；请与服务方公布的名单核对 |
| \`${ARCHIVE_NAMES.keys}\`、\`keys/*.pem\` | 公钥；请与您从其他途径获得的公钥核对 |

## 全部核验

    lethe evidence verify --archive THIS-FILE.tar --keys keys.json

\`keys.json\` 请取自服务方的公开发布或更早的归档，不要取自本归档：制作归档的人可以放入自己的公钥。
该命令不需要网络，也不需要任何服务器。它还会重新生成阅读件，并逐字节比对。

## 仅用 OpenSSL 核验全部销毁证明和检查点

请在解包后的目录中执行；LOG-KEY 为账本密钥的编号，见 \`keys.json\`。

${BY_OPENSSL}

每个文件应输出一次 “Signature Verified Successfully”。销毁证明的正文即 payload，采用 base64url 编码。
确认阅读件所附文件与已签名的文件一致：

${OUT_OF_PAPER}

## 它证明什么

每条账本记录和每份销毁证明均真实、未被改动，并且收录在检查点所签署的同一账本中；账本记录提及的销毁证明没有缺失。
它不能证明归档没有遗漏该租户的账本记录。将最新的检查点与从其他来源取得的检查点比对，即可确认各方看到的是同一账本。

## 证据保存多久

证据适用单独的保存期限：自本归档中最新一条记录起 ${EVIDENCE_RETENTION.years} 年，至少保存至 ${facts.keptUntil}。
证据用于证明数据已经销毁，本身不含任何租户数据，因此其保存期限长于数据本身。
`;
