/** Main attributes of a Java manifest; a line that begins with a space goes on with the one before. */
export function parseManifest(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  const main = text.split(/\r?\n\r?\n/, 1)[0] ?? '';
  for (const line of main.replace(/\r?\n /g, '').split(/\r?\n/, 1000)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (name !== '' && !attributes.has(name)) attributes.set(name, line.slice(colon + 1).trim());
  }
  return attributes;
}

/** Keys of a Java properties file that need no escapes, such as Maven writes. */
export function parseProperties(text: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>();
  for (const line of text.split(/\r?\n/, 1000)) {
    const [, key = '', value = ''] = /^\s*([A-Za-z0-9._-]+)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (key !== '') properties.set(key, value.trim());
  }
  return properties;
}
