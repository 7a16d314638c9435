import { collectFiles, ofKind, removeFolders, unreadOf, type Files } from './machine';
import { jar, packedNothing, pom, zip } from './zip-files';

afterAll(removeFolders);

describe('web applications', () => {
  it('are recognised by files, packages and archives [DC-1]', () => {
    const report = collectFiles({
      'srv/blog/wp-includes/version.php': "<?php\n$wp_version = '6.4.2';\n",
      'srv/cms/core/lib/Drupal.php': "const VERSION = '10.1.0';",
      'srv/other/version.php': "$wp_version = '1';",
      'opt/tomcat/webapps/shop/WEB-INF/web.xml': '<web-app/>',
      'opt/tomcat/webapps/api.war': jar('Implementation-Version: 2.0\n'),
      'opt/app/orders-1.2.3.jar': jar('Spring-Boot-Version: 3.2.1\nStart-Class: x.Main\n'),
      'var/lib/dpkg/status': 'Package: phpmyadmin\nStatus: install ok installed\nVersion: 4:5.2\n',
    });
    expect(
      ofKind(report, 'web-application').map(
        ({ name, version, path, evidence }) =>
          `${name} ${String(version)} ${String(path)} ${evidence}`,
      ),
    ).toEqual([
      'api 2.0 /opt/tomcat/webapps/api.war archive',
      'drupal 10.1.0 /srv/cms files',
      'orders 1.2.3 /opt/app/orders-1.2.3.jar archive',
      'phpmyadmin 4:5.2 null package',
      'shop null /opt/tomcat/webapps/shop files',
      'wordpress 6.4.2 /srv/blog files',
    ]);
  });
});

describe('web frameworks', () => {
  it('are recognised in six languages [DC-1]', () => {
    const report = collectFiles({
      'srv/app/node_modules/express/package.json': '{"name":"express","version":"4.19.2"}',
      'srv/app/node_modules/@nestjs/core/package.json': '{"version":"10.0.0"}',
      'srv/app/node_modules/left-pad/package.json': '{"version":"1.0.0"}',
      'usr/lib/python3/dist-packages/Django-4.2.1.dist-info/METADATA': 'x',
      'usr/lib/python3/dist-packages/flask-3.1.3.egg-info/PKG-INFO': 'x',
      'usr/lib/python3/dist-packages/six-1.0.dist-info/METADATA': 'x',
      'var/lib/gems/3.1.0/specifications/rails-7.0.4.gemspec': 'x',
      'srv/php/vendor/composer/installed.json':
        '{"packages":[{"name":"laravel/framework","version":"v10.1.0"},{"name":"x/y","version":"1"}]}',
      'srv/php1/vendor/composer/installed.json': '[{"name":"slim/slim","version":"4.0"}]',
      'usr/share/dotnet/shared/Microsoft.AspNetCore.App/8.0.1/x.dll': 'x',
      'opt/lib/spring-webmvc-6.1.4.jar': jar('Manifest-Version: 1.0\n'),
    });
    expect(
      ofKind(report, 'web-framework').map(
        ({ name, language, version }) => `${language} ${name} ${String(version)}`,
      ),
    ).toEqual([
      'javascript @nestjs/core 10.0.0',
      'dotnet asp.net-core 8.0.1',
      'python django 4.2.1',
      'javascript express 4.19.2',
      'python flask 3.1.3',
      'php laravel/framework v10.1.0',
      'ruby rails 7.0.4',
      'php slim/slim 4.0',
      'java spring-mvc 6.1.4',
    ]);
  });
});

describe('Jar packages', () => {
  const jarsOf = (files: Files): readonly string[] =>
    ofKind(collectFiles(files), 'jar-package').map(
      ({ path, within, group, name, version }) =>
        `${path}${within === null ? '' : `!${within}`} ${String(group)}:${name}:${String(version)}`,
    );

  it('are named by Maven, by their file and by their manifest, in this order [DC-1]', () => {
    expect(
      jarsOf({
        'opt/a/commons-io-2.11.0.jar': jar('Implementation-Version: 9\n', [
          pom('commons-io', 'commons-io', '2.11.0'),
        ]),
        'opt/b/log4j-core-2.14.1.jar': jar('Bundle-Version: 9\n'),
        'opt/c/nameless.jar': jar('Manifest-Version: 1.0\nImplementation-\n Version: 1.\n 5\n'),
        'opt/d/link.jar': { link: '../a/commons-io-2.11.0.jar' },
      }),
    ).toEqual([
      '/opt/a/commons-io-2.11.0.jar commons-io:commons-io:2.11.0',
      '/opt/b/log4j-core-2.14.1.jar null:log4j-core:2.14.1',
      '/opt/c/nameless.jar null:nameless:1.5',
    ]);
  });

  it('are found in archives, packed or not, and where classes were copied together', () => {
    const inner = jar('x: y\n', [pom('org.h2', 'h2', '2.1')]);
    const report = collectFiles({
      'opt/app.jar': jar(
        'Main-Class: org.springframework.boot.loader.JarLauncher\nStart-Class: shop.Main\nSpring-Boot-Version: 3.2.1\n',
        [{ name: 'BOOT-INF/lib/h2-2.1.jar', content: inner, stored: true }],
        '#!/bin/sh\nexec java -jar "$0"\n',
      ),
      'opt/old.war': jar('x: y\n', [{ name: 'WEB-INF/lib/h2-2.1.jar', content: inner }]),
      'opt/shaded.jar': jar('x: y\n', [pom('a', 'one', '1'), pom('b', 'two', '2')]),
    });
    expect(
      ofKind(report, 'jar-package').map(({ path, within, name }) => [path, within, name]),
    ).toEqual([
      ['/opt/app.jar', 'BOOT-INF/lib/h2-2.1.jar', 'h2'],
      ['/opt/app.jar', null, 'app'],
      ['/opt/old.war', 'WEB-INF/lib/h2-2.1.jar', 'h2'],
      ['/opt/old.war', null, 'old'],
      ['/opt/shaded.jar', null, 'one'],
      ['/opt/shaded.jar', null, 'two'],
      ['/opt/shaded.jar', null, 'shaded'],
    ]);
    expect(ofKind(report, 'jar-package')[1]).toMatchObject({
      mainClass: 'shop.Main',
      springBootVersion: '3.2.1',
    });
    expect(unreadOf(report, 'jar-package')).toEqual([]);
  });

  it('are found wherever an archive keeps them [DC-1]', () => {
    const inner = jar('Implementation-Version: 1.0\n');
    const report = collectFiles({
      'opt/app.war': zip([
        { name: 'WEB-INF/lib-provided/provided.jar', content: inner },
        { name: 'META-INF/bundled-dependencies/bundled.jar', content: inner },
        { name: 'modules/shop.ear', content: zip([{ name: 'web.war', content: inner }]) },
      ]),
    });
    expect(ofKind(report, 'jar-package').map(({ within }) => within)).toEqual([
      'META-INF/bundled-dependencies/bundled.jar',
      'WEB-INF/lib-provided/provided.jar',
      'modules/shop.ear!web.war',
      'modules/shop.ear',
      null,
    ]);
    expect(unreadOf(report, 'jar-package')).toEqual([]);
  });

  it('inside layers of containers are left to the containers', () => {
    expect(jarsOf({ 'var/lib/docker/overlay2/x/diff/opt/a.jar': jar('x: y\n') })).toEqual([]);
  });

  const bomb = Buffer.alloc(8 * 1024 * 1024);
  const broken: readonly (readonly [string, string, Uint8Array])[] = [
    ['that is none', 'malformed', Buffer.from('not an archive')],
    ['that is empty', 'malformed', Buffer.alloc(0)],
    ['that was cut', 'malformed', jar('x: y\n').subarray(20)],
    [
      'whose manifest unpacks to far more than it is',
      'too-large',
      zip([{ name: 'META-INF/MANIFEST.MF', content: bomb }]),
    ],
    [
      'whose manifest hides how much comes out of it',
      'malformed',
      zip([{ name: 'META-INF/MANIFEST.MF', content: bomb, claimedSize: 10 }]),
    ],
    [
      'whose inner archive is a bomb',
      'too-large',
      jar('x: y\n', [{ name: 'lib/x.jar', content: bomb }]),
    ],
    [
      'whose manifest is encrypted',
      'unsupported',
      zip([{ name: 'META-INF/MANIFEST.MF', content: 'x', encrypted: true }]),
    ],
  ];

  it.each(broken)('are said to be unread in an archive %s', (_, reason, content) => {
    const report = collectFiles({ 'opt/x.jar': content, 'opt/y.jar': jar('x: y\n') });
    expect(unreadOf(report, 'jar-package').join()).toMatch(new RegExp(`^${reason} /opt/x\\.jar`));
    expect(ofKind(report, 'jar-package').map(({ path }) => path)).toContain('/opt/y.jar');
  });

  it('take no more memory than they claim to need', () => {
    // Packed it is small enough for a manifest; unpacked it is 250 MiB and says that it is one byte.
    const hidden = { name: 'META-INF/MANIFEST.MF', content: 'x', packed: packedNothing(250) };
    const before = process.resourceUsage().maxRSS;
    const report = collectFiles({ 'opt/x.jar': zip([hidden]) });
    expect(unreadOf(report, 'jar-package')).toEqual(['malformed /opt/x.jar']);
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(150_000);
  });

  it('end with a list that claims more than there is, and with an archive inside itself', () => {
    const small = jar('x: y\n');
    const claims = Buffer.from(small);
    claims.writeUInt16LE(60_000, claims.length - 12);
    const deep = [1, 2, 3, 4, 5, 6].reduce(
      (inner) => jar('x: y\n', [{ name: 'lib/x.jar', content: inner, stored: true }]),
      small,
    );
    const report = collectFiles({ 'opt/claims.jar': claims, 'opt/deep.jar': deep });
    expect(unreadOf(report, 'jar-package')).toEqual([
      'malformed /opt/claims.jar',
      'too-many /opt/deep.jar!lib/x.jar!lib/x.jar!lib/x.jar',
    ]);
    expect(ofKind(report, 'jar-package').map(({ within }) => within)).toEqual([
      'lib/x.jar!lib/x.jar!lib/x.jar',
      'lib/x.jar!lib/x.jar',
      'lib/x.jar',
      null,
    ]);
  });
});
