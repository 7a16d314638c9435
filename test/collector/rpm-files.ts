import { gunzipSync } from 'node:zlib';

/** Three packages as Berkeley DB itself wrote them, in pages of 512 bytes, so that headers overflow. */
const SMALL_PAGES =
  'H4sIAAAAAAACA+2Xy2tdRRzHZ3LzTgq2jRqrSMAKiXAv8zpnZkJBIVXqxtaF2Fp8zJyZSS65SS73tmkUF26Ugvgo/Q8Ud/4BWkRd' +
  'uRARRNxp24Up9mVbiqVW0jgn55fkarupFJqYDJk785nHb+ac32++c4IQQhgVydzfiXrySlvM3UVbH7o1bRv6CKGbCB15devXb4ui' +
  'DbfYyVN7zD+8N/HKv9s309pLt/puHqMtf+Fr+Aqe33Te+k+lXQ8f7Yzl6XgqcX64canV5RiO/Kr/Ty75/xI+h0/i/3b+0eb5XyOO' +
  '71l2fAkaSssNuMX/pRbdxugMRl2xMhLjYk8sn4w5Mv4klvfF7Fbvh3xy6bdYdkIQ5XwWuBv4HHA/8HlYaAD4QizzbQ4CXwTeAfw7' +
  'jH8E+BLYGwK+Av07ga9B/zDwdbD3BPAC9KfAN4F3Fdw+ADwG/CA8y0HgQVjPFS+u/SHorwPvAP4KeBjs/QTz98P8n4EPwPjTwBbG' +
  'XwB2wFeBPfB14AC8AFwDXix4+/FiPQzve/s3RT8eXPV/O8RAx6r/85G/FjvDj8LMebD0GvBZ6HcFYzCFPwPugMj5oogcvAVW/g76' +
  'twL/AZ64XMxvU/AkDwAve2Yc+CngCeDdOY+huskmOaIVjljF1yQcgjk0hyb7/7wxO1U0zKEXppt1n1VD1TtUq04fnkPTM6aRTRQG' +
  'ytFAeclApdnIKo36FBguFu1dzrGjVrXDYzNT9YZvNr17plrzz5kp3xxB0Je37K6O++ah1bZ95vXajFka3NxjZv2+hg/VuRHEK6Qi' +
  'yhSJSlohS2XxS1WF5Et389GVjaHyXjZUHkdZvTqDxt+o1pGGRyg7b6tmulw81tK8w4dCWSETuPY0o9oEIZXxQRrC7bL/OyAGCh6I' +
  '/vda+WC009YYxlSwOmjuuRLMpU5aKgwVaWJEootVGHdEMGZF8CYOl5J6JZkU1FouidTE8syRhCtvghUpZZx7xYhVwibSsDymC6FZ' +
  'XFy4DEIT99Tx8ranB453n/q28ens0Yl3F3cmhCciM1a6oIWVLKFJlhFtlfKKcC9lYkViSHxgaqzRmhEd13ec8pQ5ZXSmhEqopsQm' +
  'SgtqAqU0UCmJl/Ht8Mw6Yr2xKo+eyf4bj8fizTyKoP4//f7rhHrXpv5vSP3v+ofL1rP+s6j/rFX/2+5Q/1nUf3Yb/Wf3Wv/Z6MrG' +
  '7rr+d0MMrD39f/7Z70+8+MFLj71/wux968OrZxJOXWYSk5IsTbWVXHDmHI+XgjJZSlMljWPxD7EkdSoQqiynwnFnhY3DCI/XhrbB' +
  'xLvDCcsk9z5RMcfWzFnpVbwAgvNBbCj974F676b+b0j974VX1Lfu9Z9G/aet+o/vUP9p1H96G/2n91r/6ejKxu66/vdBDKw9/f+x' +
  '91T7lx8f+OX8wSPvfH7s2EWbxS92w2lUasa1tZoYlvJE+ngp+Cj5hruEGB1QYpxR3KokxC97ncokjkmjuKch13efSuY4o5kRWsYh' +
  '8T+BlOXDiBRCGMf9htD/vwHR5ILBABgAAA==';

/** The same in pages of 16,384 bytes, so that headers stand on them, with the most significant byte first. */
const LARGE_PAGES =
  'H4sIAAAAAAACA+3d34tWRRgH8Hl3V9tEoVLLJELIQIP35cyZOWdmNFhBC7tJu4gySZw5M2f3ZX+97KvbFl10FUGYiX+Bhnf9ASVR' +
  'd11EBBLdFXZRkamlSGIuu9uc9zyuq+2NF7Ei3w++7znfmTlzfuzxuRtexnoave/VG238fpixXYwNslv62F3OsNOMzcchs/PHT+WL' +
  'zY3FeWoDh0aOnVumHQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACWd+ca/YGdj7B1Q7ND14euxj0AAAAAAAAAAAAAAAAA' +
  'AAAAAAAAAAAAAAAAAAAAgBVTLYLdzljf3rgdip+HYtOZuK2WwXp2+2ex47j+3+N2Nat/ILvKFygPUv6D8lrKF+N2IH42UL7Eej+2' +
  'zTZRvkx5M+U/afxTlP+i+bZQvkr9Wylfp/5tlG/QfM9RnqP+nPI85efrPLCB8m7KT9C9HKS8ic5XPYf+uPsk9Xcob6b8FeVtNN8P' +
  'dPzrdPyPlA/Q+J8pOxp/ibKnfI1yoHyDckl5jvIY5YU6rz9Zn69Bz3v913V/g573+l/q8zeepvwrjT9M+QL1+zo3GtT/GeVV9H58' +
  'Ub8fjXU0/7fU/yjlv+l5X6mP79N0vY9TvvX8hynvojxCeU+Vd7OOLUZTxlspS1thTNXvYd8Mm2Gja/+5OT1eN8ywVye6nVC0y3bw' +
  'bKw9cXSGTUzaqWKknqAZJ2j2Jmh1p4rWVGecJq5PuubWJ3aMtd223ZPjnanQ7Qb/YnssvGzHQ3c7o76qZU97OHSP3G7bb98em7S9' +
  'wd29djrsnwple2Y7E62kJZucyVbeSnrb+pvrVlKdejDdsXhhrLkv3dIcZkWnPcmG32l3mKFbaPrg2naiWd9W77ijR8qmZrYUJvCC' +
  'G1tKpW0olU2EC0aH0hpvnLVpqktnSiOC0DL1uVeOS8tlnlmZmXquVPhEpqmTZbBxuFI8aJUqyZ0TKlEmcaLwSSZ0sKWTOU+FCDpN' +
  'nJYuUzat3s+6aCwszF2hohH/hKteeem7s68df+OZj87afe99fO23THBf2MzmSZHnxikhReq9EJnUtsh5rpX1afzH0iz3uky4doJL' +
  'L7yTLg5LRGmkcaWVTnnpUiVCyHT8xNbCOxW080npQynj2UfX3nw2bt6t/k9W+41etepnS9f71/t9i2kgl9X6/52bd26Me31318gz' +
  '7DRjsXgMzs4fP5XfMcfSOdmhkWPnlmsHAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAID/B9bIYo3sYXbfrpHljLf40jWyjXtcI8ub' +
  'cYJl1shyeqlXbI0s37F4YQ/cGtnv15wf+PKTAz9dPPjW+5+fOHHZFSXnVnAVjxbGOZPYNBeZCoXNQpZ7K3yWWFOyzHqrhdNZGRQ3' +
  'ucrimNz5JC+rNbAhV6kXKS+sNCoOkdzmaTUsUVJK60V1Qf9ZI9uPKocqd39XORGrnFha5frvscqJWOXEMlVOrHSVEzsWL+yBq3Jv' +
  'PvbChpOD57+Z+nT6g5EPF7ZmichkYZ3ypZFOpRnPiiIxTuugExGUypzMbBJvi1tnjUkTE8/vBRd56rU1hZY644YnLtMm1rZYM3nJ' +
  'lUpiLSy4KGIddME6rZarctVb/C+D8bf+AMAAAA==';

const unpacked = (text: string): Buffer => gunzipSync(Buffer.from(text, 'base64'));

/** Bytes of `Packages`. */
export const berkeleyDatabase = (): Buffer => unpacked(SMALL_PAGES);
/** The same three packages as a machine of the other byte order keeps them. */
export const berkeleyDatabaseOfOtherOrder = (): Buffer => unpacked(LARGE_PAGES);

/** Header of a package with name, version and release. */
export function rpmHeader(...texts: readonly [string, string, string]): Buffer {
  const store = Buffer.from(texts.map((text) => `${text}\0`).join(''));
  const index = Buffer.alloc(8 + texts.length * 16);
  index.writeUInt32BE(texts.length, 0);
  index.writeUInt32BE(store.length, 4);
  let offset = 0;
  texts.forEach((text, at) => {
    index.writeUInt32BE(1000 + at, 8 + at * 16);
    index.writeUInt32BE(6, 12 + at * 16);
    index.writeUInt32BE(offset, 16 + at * 16);
    index.writeUInt32BE(1, 20 + at * 16);
    offset += text.length + 1;
  });
  return Buffer.concat([index, store]);
}

/** Bytes of `Packages.db` with a free slot before those of the headers. */
export function ndbDatabase(headers: readonly Buffer[]): Buffer {
  const slots = Buffer.alloc(4096);
  slots.write('RpmP', 0, 'latin1');
  slots.writeUInt32LE(1, 12);
  for (let at = 32; at < slots.length; at += 16) slots.write('Slot', at, 'latin1');
  const parts = [slots];
  let block = slots.length / 16;
  headers.forEach((header, number) => {
    const length = Math.ceil((16 + header.length + 12) / 16) * 16;
    const blob = Buffer.alloc(length);
    blob.write('BlbS', 0, 'latin1');
    blob.writeUInt32LE(number + 1, 4);
    blob.writeUInt32LE(header.length, 12);
    header.copy(blob, 16);
    slots.writeUInt32LE(number + 1, 48 + number * 16 + 4);
    slots.writeUInt32LE(block, 48 + number * 16 + 8);
    slots.writeUInt32LE(length / 16, 48 + number * 16 + 12);
    block += length / 16;
    parts.push(blob);
  });
  return Buffer.concat(parts);
}
