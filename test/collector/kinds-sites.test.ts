import {
  collectFiles,
  collectLive,
  ofKind,
  processFiles,
  removeFolders,
  unreadOf,
  type Files,
} from './machine';

afterAll(removeFolders);

/** Sites as one line each. */
const sitesOf = (files: Files): readonly string[] =>
  ofKind(collectFiles(files), 'web-site').map(
    ({ server, serverNames, listens, documentRoot, tls, proxied, configurationFile }) =>
      `${server} [${serverNames.join(' ')}] [${listens.join(' ')}] ${String(documentRoot)}` +
      `${tls ? ' tls' : ''}${proxied ? ' proxied' : ''} ${configurationFile}`,
  );

describe('web sites', () => {
  it('of nginx are read through includes, quotes and comments [DC-1]', () => {
    const sites = sitesOf({
      'etc/nginx/nginx.conf':
        'user www; # server { server_name no; }\nhttp {\n  root /srv/all;\n' +
        '  include conf.d/*.conf;\n  include /etc/nginx/sites-enabled/*;\n' +
        '  server { listen 8080; return 404; }\n}\n',
      'etc/nginx/conf.d/shop.conf':
        'server {\n listen 443 ssl http2;\n listen [::]:443 ssl;\n server_name "shop.example" www.shop.example;\n' +
        ' root /srv/shop;\n location / { include snippets/pass.conf; }\n include snippets/pass.conf;\n}\n',
      'etc/nginx/snippets/pass.conf': 'location /api { proxy_pass http://u:hunter2@backend; }\n',
      'etc/nginx/conf.d/README': 'server { server_name no; }',
      'etc/nginx/sites-available/plain': 'server { server_name plain.example; }\n',
      'etc/nginx/sites-enabled/plain': { link: '../sites-available/plain' },
    });
    expect(sites).toEqual([
      'nginx [shop.example www.shop.example] [443 [::]:443] /srv/shop tls proxied /etc/nginx/conf.d/shop.conf',
      'nginx [] [8080] /srv/all /etc/nginx/nginx.conf',
      'nginx [plain.example] [80] /srv/all /etc/nginx/sites-enabled/plain',
    ]);
  });

  it('of nginx are read from the file that the running server was given', () => {
    const report = collectLive(
      { 'opt/web/my.conf': 'http { server { server_name given.example; } }' },
      processFiles(5, {
        name: 'nginx',
        exe: '/opt/nginx',
        args: ['nginx', '-c', '/opt/web/my.conf'],
      }),
    );
    expect(ofKind(report, 'web-site')).toMatchObject([{ serverNames: ['given.example'] }]);
  });

  it('of nginx are read from what it says of itself over its arguments [DC-1]', () => {
    const report = collectLive(
      {
        'opt/web/my.conf': 'http { server { server_name given.example; } }',
        'srv/app/conf/nginx.conf': 'http { include sites/*; }',
        'srv/app/conf/sites/one': 'server { server_name prefix.example; }',
      },
      {
        ...processFiles(5, {
          name: 'nginx',
          exe: '/usr/sbin/nginx',
          args: ['nginx: master process /usr/sbin/nginx -c /opt/web/my.conf'],
        }),
        ...processFiles(6, {
          name: 'nginx',
          exe: '/usr/local/openresty/nginx/sbin/nginx',
          args: ['nginx: master process nginx -p /srv/app/ -c conf/nginx.conf'],
        }),
        ...processFiles(7, {
          name: 'nginx',
          exe: '/usr/sbin/nginx',
          args: ['nginx: worker process'],
        }),
      },
    );
    expect(ofKind(report, 'web-site').flatMap(({ serverNames }) => serverNames)).toEqual([
      'given.example',
      'prefix.example',
    ]);
    expect(unreadOf(report, 'web-site')).toEqual([]);
  });

  it('are listed as unread when their file stands where only the server knows', () => {
    const report = collectLive(
      {},
      processFiles(5, { name: 'nginx', exe: '/opt/nginx', args: ['nginx', '-c', 'own.conf'] }),
    );
    expect(unreadOf(report, 'web-site')).toEqual(['unsupported own.conf']);
  });

  it('of servers that name no file are not looked for in their programs', () => {
    const sites = 'http://no.example {\n root * /srv\n}\n';
    const report = collectLive(
      { 'usr/bin/caddy': sites, 'srv/app/Caddyfile': 'http://here.example {\n}\n' },
      {
        ...processFiles(5, {
          ...{ name: 'caddy', exe: '/usr/bin/caddy', args: ['/usr/bin/caddy', 'run'] },
        }),
        '5/cwd': { link: '/srv/app' },
      },
    );
    expect(ofKind(report, 'web-site')).toMatchObject([{ serverNames: ['here.example'] }]);
  });

  it('of Caddy are read from the file behind an equals sign', () => {
    const report = collectLive(
      { 'srv/other.conf': 'http://given.example {\n}\n' },
      processFiles(5, {
        name: 'caddy',
        exe: '/usr/bin/caddy',
        args: ['/usr/bin/caddy', 'run', '--config=/srv/other.conf'],
      }),
    );
    expect(ofKind(report, 'web-site')).toMatchObject([{ serverNames: ['given.example'] }]);
  });

  it('of Apache are read from every file of a directory that is included [DC-1]', () => {
    expect(
      sitesOf({
        'etc/apache2/apache2.conf': 'ServerRoot /etc/apache2\nInclude vhosts\n',
        'etc/apache2/vhosts/one.conf':
          '<VirtualHost *:80>\nServerName one.example\n</VirtualHost>\n',
        'etc/apache2/vhosts/more/two':
          '<VirtualHost *:80>\nServerName two.example\n</VirtualHost>\n',
      }),
    ).toEqual([
      'apache [two.example] [*:80] null /etc/apache2/vhosts/more/two',
      'apache [one.example] [*:80] null /etc/apache2/vhosts/one.conf',
    ]);
  });

  it('of Apache end when a directory leads into itself, and say that not all was read', () => {
    const report = collectFiles({
      'etc/apache2/apache2.conf': 'Include /etc/apache2/vhosts\n',
      ...Object.fromEntries(
        Array.from({ length: 20 }, (_, at) => [`etc/apache2/vhosts/l${at}`, { link: '.' }]),
      ),
    });
    expect(unreadOf(report, 'web-site').join()).toMatch(/^too-many/);
  });

  it('of Apache are read through conditions, definitions and included files', () => {
    const sites = sitesOf({
      'etc/apache2/apache2.conf':
        'ServerRoot "/etc/apache2"\nDefine NAME shop\nIncludeOptional sites-enabled/*.conf\nDocumentRoot /srv/main\n',
      'etc/apache2/sites-enabled/000.conf':
        '<IfModule mod_ssl.c>\n<VirtualHost *:443 \\\n [::]:443>\n ServerName ${NAME}.example\n ServerAlias a.example b.example\n' +
        ' DocumentRoot "/srv/${NAME}"\n SSLEngine On\n <Location /x>\n  ProxyPass http://u:hunter2@h/\n </Location>\n</VirtualHost>\n</IfModule>\n' +
        '<virtualhost *:80>\n servername plain.example\n</virtualhost>\n',
    });
    expect(sites).toEqual([
      'apache [a.example b.example shop.example] [*:443 [::]:443] /srv/shop tls proxied /etc/apache2/sites-enabled/000.conf',
      'apache [plain.example] [*:80] /srv/main /etc/apache2/sites-enabled/000.conf',
    ]);
  });

  it('of Apache are its main server when it has no virtual host', () => {
    expect(
      sitesOf({
        'etc/httpd/conf/httpd.conf': 'Listen 80\nServerName one.example\nDocumentRoot "/srv/w"\n',
      }),
    ).toEqual(['apache [one.example] [80] /srv/w /etc/httpd/conf/httpd.conf']);
  });

  it('of Caddy are read with their snippets and imports, with and without braces', () => {
    expect(
      sitesOf({
        'etc/caddy/Caddyfile':
          '{\n email admin@example.com\n}\n(snip) {\n log\n}\nshop.example,\nwww.shop.example {\n root * /srv/shop\n' +
          ' reverse_proxy http://u:hunter2@localhost:3000 {\n  header_up X y\n }\n}\nhttp://plain.example {\n respond "x"\n}\n:8080 {\n}\nimport sites/*\n',
        'etc/caddy/sites/one': 'one.example\nroot * /srv/one\n',
      }),
    ).toEqual([
      'caddy [plain.example] [80] null /etc/caddy/Caddyfile',
      'caddy [shop.example www.shop.example] [443] /srv/shop tls proxied /etc/caddy/Caddyfile',
      'caddy [] [8080] null /etc/caddy/Caddyfile',
      'caddy [one.example] [443] /srv/one tls /etc/caddy/sites/one',
    ]);
  });

  it('of Caddy have what they take from snippets, routes and files [DC-1]', () => {
    expect(
      sitesOf({
        'etc/caddy/Caddyfile':
          '(static) {\n root * /srv/{args[0]}\n}\n&(api) {\n reverse_proxy localhost:3000\n}\n' +
          'http://one.example {\n import static one\n invoke api\n}\n' +
          '{$HOST:two.example}:8443 {\n import common.inc\n}\n  import sites/*.caddy # all\n',
        'etc/caddy/common.inc': 'php_fastcgi unix//run/php.sock\n',
        'etc/caddy/sites/three.caddy': 'http://three.example {\n import static three\n}\n',
      }),
    ).toEqual([
      'caddy [one.example] [80] /srv/one proxied /etc/caddy/Caddyfile',
      'caddy [{$HOST:two.example}] [8443] null tls proxied /etc/caddy/Caddyfile',
      'caddy [three.example] [80] /srv/three /etc/caddy/sites/three.caddy',
    ]);
  });

  it('of Caddy end when snippets take each other, and say that not all was read', () => {
    const report = collectFiles({
      'etc/caddy/Caddyfile': `(a) {\n${' import a\n'.repeat(50)}}\nhttp://here {\n import a\n}\n`,
    });
    expect(ofKind(report, 'web-site')).toMatchObject([{ serverNames: ['here'] }]);
    expect(unreadOf(report, 'web-site')).toEqual(['unsupported /etc/caddy/Caddyfile']);
  });

  it('end when files include each other, and say that not all was read', () => {
    const report = collectFiles({
      'etc/nginx/nginx.conf': 'http { include /etc/nginx/a; server { server_name here; } }',
      'etc/nginx/a': 'include /etc/nginx/a; include /etc/nginx/a;',
    });
    expect(ofKind(report, 'web-site')).toMatchObject([{ serverNames: ['here'] }]);
    expect(unreadOf(report, 'web-site')).toEqual(['too-many /etc/nginx/a']);
  });

  it('survive a quote that never ends, however often it is escaped', () => {
    const report = collectFiles({
      'etc/nginx/nginx.conf': `http { server { server_name before; } } "${'\\"'.repeat(100_000)}`,
    });
    expect(ofKind(report, 'web-site')).toMatchObject([{ serverNames: ['before'] }]);
  });
});
