import { loadConfig } from '../../src/platform/config';
import { openStores, sqlEndpoint, withLogin } from '../../src/platform/connections';
import { sqlServers } from '../../src/platform/migrate/sql-servers';

const none = { mysql: {}, mongo: {}, s3: {} };
const login = { user: 'u@x', password: 'p/?' };

describe('connections', () => {
  it('are not made before they are needed: an empty configuration opens', async () => {
    const stores = openStores(loadConfig({ LETHE_ENVIRONMENT: 'a-b' }), none);
    expect(stores).toMatchObject({ environment: 'a-b', prefix: 'a_b' });
    expect(stores.buckets.archive).toBe('a-b-archive');
    await stores.close();
    await stores.close();
  });

  it('name the variable or the login that is missing at the first need of it', async () => {
    const empty = openStores(loadConfig({}), none);
    expect(() => empty.sql('reader', 'control')).toThrow(/LETHE_MYSQL_HOST/);
    expect(() => empty.objects('verifier')).toThrow(/LETHE_S3_ENDPOINT/);
    await expect(empty.mongo('archiver')).rejects.toThrow(/LETHE_MONGO_URL/);
    const addressed = openStores(
      loadConfig({ LETHE_MYSQL_HOST: 'db', LETHE_S3_ENDPOINT: 'http://s3' }),
      none,
    );
    expect(() => addressed.sql('reader', 'control')).toThrow(/mysql\.reader/);
    expect(() => addressed.objects('verifier')).toThrow(/s3\.verifier/);
  });

  it('are one pool for each role and database, and one client for each object role', async () => {
    const config = loadConfig({ LETHE_MYSQL_HOST: 'db', LETHE_S3_ENDPOINT: 'http://s3' });
    const stores = openStores(config, {
      ...none,
      mysql: { reader: login, control: login },
      s3: { verifier: { accessKey: 'a', secretKey: 's' } },
    });
    expect(stores.sql('reader', 'control')).toBe(stores.sql('reader', 'control'));
    expect(stores.sql('reader', 'control')).not.toBe(stores.sql('control', 'control'));
    expect(stores.sql('reader', 'control')).not.toBe(stores.sql('reader', 'evidence'));
    expect(stores.objects('verifier')).toBe(stores.objects('verifier'));
    await stores.close();
    expect(() => stores.sql('reader', 'control')).toThrow(/closed/);
  });

  it('go to the servers that keys and evidence have for themselves', () => {
    const config = loadConfig({
      LETHE_MYSQL_URL: 'mysql://root:a@db',
      LETHE_KEYS_MYSQL_URL: 'mysql://admin:b@keys:3307',
    });
    expect(sqlEndpoint(config, 'keys')).toMatchObject({ host: 'keys', port: 3307 });
    expect(sqlEndpoint(config, 'evidence')).toMatchObject({ host: 'db' });
    expect(sqlServers(config)).toEqual([
      {
        host: 'db',
        port: 3306,
        adminUser: 'root',
        adminPassword: 'a',
        databases: ['control', 'assets', 'configuration', 'evidence'],
      },
      { host: 'keys', port: 3307, adminUser: 'admin', adminPassword: 'b', databases: ['keys'] },
    ]);
  });

  it('name the password of the administrator that is missing', () => {
    const keys = loadConfig({
      LETHE_MYSQL_URL: 'mysql://root:a@db',
      LETHE_KEYS_MYSQL_URL: 'mysql://admin@keys',
    });
    expect(() => sqlServers(keys)).toThrow(/LETHE_KEYS_MYSQL_URL/);
    expect(() => sqlServers(loadConfig({ LETHE_MYSQL_HOST: 'db' }))).toThrow(
      /LETHE_MYSQL_ADMIN_PASSWORD/,
    );
  });

  it.each([
    ['mongodb://db/', 'mongodb://u%40x:p%2F%3F@db/?authSource=admin'],
    ['mongodb://root:secret@db:27017/', 'mongodb://u%40x:p%2F%3F@db:27017/?authSource=admin'],
    [
      'mongodb://a,b:27018/other?replicaSet=rs0&authSource=x',
      'mongodb://u%40x:p%2F%3F@a,b:27018/?replicaSet=rs0&authSource=admin',
    ],
    [
      'mongodb+srv://root:s@db.internal',
      'mongodb+srv://u%40x:p%2F%3F@db.internal/?authSource=admin',
    ],
  ])('log in to %s as the role, whatever login the address carries', (...[url, expected]) => {
    expect(withLogin(url, login)).toBe(expected);
  });
});
