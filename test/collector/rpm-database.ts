import { gunzipSync } from 'node:zlib';

/**
 * A package database as SQLite itself wrote it: pages of 512 bytes, so that three packages and sixty
 * libraries need a tree of pages, and the first one overflow pages too.
 */
const PACKED =
  'H4sIAAAAAAACA+1da2xUxxU+s76Yhx8JYOIYbLwBgm3wLntn5q69YB4GDCGYR4xBQalIbbMGJ8Z2bCiPlqj2rs0zUtU/SBVS' +
  'lKitKkWVokqRqrZSlCpV1UqtqlaV+qc/WlVJSdMfjdr+qVT1nLtjYDawjdfe8Xp3RrPHe6/33nvmfHfm3vm+s3ePvdA5cD4e' +
  '7B8ePddzPiggAIzBrmAQABx8HYQHpUStmy4M/n9xINzHKvyN/wnsh2wf/pn3crSktHrzZnbyfE/vYHzstUEMwMtj8dcuxIf6' +
  '0hedPV0d7d0dwe723Z0dwbR/Ng71nIs341LTSGBxdV0dGxf+Lo/29L3acyY+Nv23RNtJw/TqhmDj2aEL54IHDnd37O/oCh7t' +
  'OnCovetk8GDHyWD78e4jBw7jdoc6Dnc39w4O9wZ3dx7ZHTx8pDt4+HhnZ9M+VlpdU8MG/AMeGzhz7rSXsgH9YKmVeKhX45f9' +
  'XTQHHz5oE2GDoNtSpGURvjawTnp7kP2H/Zv9g33KPmZ/Zn9kf2C/Y79mv2AfsvfZj9h77F32Dvsue4vdZXfYN9kb7DpLsNfZ' +
  'ZXaeDbNXWJx9mb3ETrAXUjsr0vL8djTPbUOzbyuaPTE021vQbONotrpoYhE0rVvQtITRRENovGY0chMa3ogm0oAmtBFN4wY0' +
  'z9JovGEtmvV1aNbVonlmDZrgajT1NWjWVqOpXYWmpgrNyhVonqS+/UQZmsplaCqWoilfgqZsMZplhPzSEvoMY58BVluKopSz' +
  'kjo2fQ3aiStKoy9HJfT2jJ0NeWEe5tGQCMcHY+Gx0b7w6Mg5uGRL4RbEf7GNQlHjv8RGoajxtwN8EcOfmpvXA7sM7+Gf9DK+' +
  'ssSBCboxLcUX3paW/FW9VwxAyT21XKaWP1HLVWr5v2q5LrXsVKnlDer/f1fLdLfLzoycCY1c6MW5KvSflsI97bkge+IRGRO9' +
  '0Dg0PBRvAjxlx9sDDiRoK7qT7cjgVUWaVyvV8t8Ul1Gb5mUwzcuGNC/30vLwSHxobGwwNDjQOwYiHAm3AG+hWyZ1/Eut/h3V' +
  '9Mf8T4RSn7h/UwXfGGEOvHU6td8lToY2LEprQ3mazyvSfK5J81nQMt3eQer2DvzbO7jUSvuu8Kf/3wc2gCbfy3hsEZ6NX1Ht' +
  'OpQhZqVpMVuWFrPytJitTIuZjzviG3HBDeMLhoZ7RvvOgr8qhKvwNaP7YxivctD3ZrX/RhO+R9D3iO57BP2OPOQ7pPCvAVbv' +
  'nzcPykTJYgeSy9Q+75jwV6C/QvdXoK9iprGew+Fx/FQpjjS7lKejJqLAMQpcjwLHCPCcREENkL8HqgVTJhpxQE12q8j+xARq' +
  'ElGTOmoSEZPzd+7OBP93geqCgPbQUgcm16rw/8kEtB5C6+nQegirl+fQzgT/W0B1vqEdXYbQnk2Fn5WagDaK0EZ1aKMIa7QQ' +
  'oJ0J/v1ANXclUV3mwBRX0G42AW0LQtuiQ9uCsLYUDbRfHP8ARbHdD6UPVk+FA9f2KbAuZAALy/JEWzlC+zX16aMmoG1FaFt1' +
  'aFsR1lYLbVb0z9wBE0NgYjowMQQlZoHJIXqzL+n4l6XhX5GGf1Ua/k0Kf5cmnK4+43RptulG7BmQp6dJhU8wVQH7LfsW2w4/' +
  'JnAna1c4cLMthW4gMoMhPeszh6ZPrj5/cmnu5D5mAoXbVScvLnfgxqhys8yEm8RQuCmKAlc9lex6Ej1oVNe+j+bQA4BVydAT' +
  'Dlw/pXb+wRfcOVQll1TidmpH7G7my/eKByNA1kHxKTKdI3N9jsy1vX5hDA2PhZa4KFcno1wiolxuoS0c/O9DS0yrKyy0RYa/' +
  'DYPF35Zi5n/2AJNosiuT/VUO3Dqq7sOvmLgPJ97W1Ylbl0hbN+fMLXqwerJ9JTZYNShw3ESDSYNwdRHCJQHCnY0KgTt/2vZ/' +
  'O/7bMBT3+M8Ax6dPCj3vfapslQO3V6tR+00TozZpUK4uQrkkQLn5oUKhm2ts/7f9P0Bn7M/80zZD7l1NtQMTUXWKh0x0H5KT' +
  'XF1PcklLctMEJZiKPIVdW+VSBj404RtpkK4uQrokQLoLSIWkrNwU/ieB7UQzp7mafTUOJJ5XcbtoABNORDTXiWhOHDTPGREN' +
  '4zuexlZOU+hdJlpJIhvXRTZO+hrPRmRTh/0XUC2aMrFktQPJ6UjfNYGan9WpM+ncT+ucXyZdNeA3QLUgoA2tQWiVagYfmICW' +
  'REGu5y1zItH5AmDSVSvfAar5Dm1XrQOTSm2Fj0xAS7I012VpToo0lwUikqhQTAHVeYT2Yh1Cq6R8ZkLK58SocZ1R40Smca+Y' +
  '9C8Vrx6gmpvUz9q1DkypZBJmIpmEEzvMdXaYEzHMo1bafPT8rxKgjUyiP+jANUXlsyuZc0c2Jtrr8dMKOmaCB+fEqHCdUeFE' +
  'pnCb15s9/ztn6NCkmOuTYk7zYW5Tc3MMYV7kf3IibLhO2HDiarjNAM7Xk6TC/yL0Dyj/8w5rwTd5X5JXNjhw45Ii+yoNXHUE' +
  'Td7F/ck7rt2cPL4enQirS9+9OXYCNiUj6xy4rhhNNhNGsylZ9gxuqnQO9mbma3iDWp11aIiNEjobJYiIEjblewGNC4+EluhU' +
  'odOpgphUYfN6Cwv/FLRERAqb11uE+NswFPv8/xqwE2jmr0zu3ejArXJ1U/eiiZs64naFzu0KonXFLLld3H94sv5ZB27uVs0R' +
  'JprjPzxFVyGE//SUx6sQuGmz7f92/LdhKO7xn7FyYOX2ybiTAw14ETqhRu2rJkZtUqGErkIJEqCECRUKndhi+7/t/ww+BqqF' +
  'nPxb2ejA7aDq2m+b6NqkQgpdhRQkQIq8USHRU9f2f9v/A7Ae4KdkHp3JWbvJgQml4IMJBV+QkCh0IVGQhig+LyTClGjCrv2K' +
  '6to/N+EeqdBCV6EFCdBiYanQ9GzYFP7HgLWhmaPM3/5mBxIqiQBMfB9QkgohdRVCkgAhc6lCwHj7ZvUYYnqZyH8QpLAKXWEV' +
  'JK6KLBVWdeTPAIrm9z8mykIOJJU+Bia+ByRJSZG6kiJJRJHzrqSoNvwKqC58aCNhhFappmDieyCSpGGp53VLElHkwlBSVEO/' +
  'B1TzGtrjWxyYVII73DMBLTGqUmdUJZGpsoCekKKikYDUl1jmB9orEYRWJXQwEwkd0n9as879S/9xzbLI9E8VslNANQfJv/Wu' +
  'A1NKB2EmdBBJjJrUGTVJZJr0rLT9WPxjALGZQruXO3BNKXbMhGIniVGROqMiiUyRNq97VvrPnAFE82Kpz4slTYmlzc7OPYrZ' +
  'ldTzP79K+Z/fZv2sBN8aS+S82uLAjdcVcbPcwAji0UTMe3gihv9oT74YRT+kGsk+nXs/YFdSeA5cVxwVmwlHhWVnslLi1oq8' +
  'Zm9nzujckRgQODArFYtdzfzptjnt/0TbSZ22k8TYSZv/n8+DRNZ4ExsldTZKEhElbb7/wjopPj9SEqPq6YyqR2SqZ/O6Cw5/' +
  'ujAStDavuzjxt2Eodv13HNgxNPOSdLU/5sCtFWoW8JKJWQARu55O7HrE6XqzJ3bxEHsn17U6cPM51aKoiRaRCuHpKoRHAoSX' +
  'UYXArXfb/m/HfxuGIud/2VLAWuTJv4Nb8Tr0JTVqf93EqE0qlKerUB4JUJ4hFQr83862/b/o+z/8BagWbPLv8m0O3N6ouvZ3' +
  'THRt/zdjdRXS8380Np9USHR2v+3/tv8HoA7gfTLpmZz12x2YUPI9mJDvPZIQPV1C9Eg99B4pIcJUtA279ojq2r804SGp0J6u' +
  'QnskQHsLToXGFh1I4X8IWAzNrDN/B3Y6kFDSE5j4ApVHEoSnSxAeqQ9ejiUIGN+7A9uq8h/ARP6DR/Kap8trHilrXvbyGvwP' +
  'IyAkLgCWAAA=';

/** Bytes of `rpmdb.sqlite`. */
export const rpmDatabase = (): Buffer => gunzipSync(Buffer.from(PACKED, 'base64'));

/** The same with its table under another name. */
export const rpmDatabaseWithoutTable = (): Buffer =>
  Buffer.from(rpmDatabase().toString('latin1').replaceAll('Packages', 'Pockages'), 'latin1');
