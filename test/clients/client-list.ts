/** The clients: what each needs on the machine, how its program is built and called. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Client {
  readonly name: string;
  /** Without it the run is red; others are skipped with the reason. */
  readonly required: boolean;
  /** Debian packages. */
  readonly packages: readonly string[];
  /** Program and arguments; `folder` is for files that are made. Undefined: nothing to build. */
  readonly build?: (folder: string) => Call;
  readonly call: (folder: string) => Call;
}

export interface Call {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const programs = join(import.meta.dirname, 'programs');
const file = (name: string): string => join(programs, name);
const node = (script: string, ...args: string[]): Call => ({
  program: process.execPath,
  args: [file(script), ...args],
});
const python = (script: string, ...args: string[]): Call => ({
  program: '/usr/bin/python3',
  args: [file(script), ...args],
});
const npm = (name: string, required: boolean, script: string, ...args: string[]): Client => ({
  name,
  required,
  packages: [],
  call: () => node(script, ...args),
});
const php = (variant: string): Client => ({
  name: `PHP ${variant}`,
  required: true,
  packages: ['php-cli', 'php-mysql'],
  call: () => ({ program: 'php', args: [file('scenario.php'), variant] }),
});
const perl = (variant: string): Client => ({
  name: `DBD::mysql ${variant}`,
  required: true,
  packages: ['libdbd-mysql-perl'],
  call: () => ({ program: '/usr/bin/perl', args: [file('scenario.pl'), variant] }),
});
const go = (options: string): Client => ({
  name: `go-sql-driver ${options}`,
  required: true,
  packages: hasGo() ? [] : ['golang-go'],
  build: (folder) => ({
    program: goProgram(),
    args: ['build', '-o', join(folder, 'go-scenario'), '.'],
    cwd: file('go'),
    environment: { CGO_ENABLED: '0' },
  }),
  call: (folder) => ({ program: join(folder, 'go-scenario'), args: [options] }),
});
const java = (options: string): Client => ({
  name: `MariaDB Connector/J ${options}`,
  required: true,
  packages: ['default-jdk-headless', 'libmariadb-java'],
  build: (folder) => ({ program: 'javac', args: ['-d', folder, file('Scenario.java')] }),
  call: (folder) => ({
    program: 'java',
    args: [
      '-XX:TieredStopAtLevel=1',
      '-Xmx256m',
      '-cp',
      `${folder}:/usr/share/java/mariadb-java-client.jar`,
      'Scenario',
      options,
    ],
  }),
});
/** Oracle's client, with a libmysqlclient 9 of its own in it; it is in no Debian and comes from PyPI. */
const connectorPython = (variant: string): Client => ({
  name: `MySQL Connector/Python 9 ${variant}`,
  required: true,
  packages: ['python3-pip'],
  build: (folder) => ({
    program: '/usr/bin/python3',
    args: [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary=:all:'],
      ...['--target', join(folder, 'connector-python'), 'mysql-connector-python==9.4.0'],
    ],
  }),
  call: (folder) => ({
    ...python('scenario-connector.py', variant),
    environment: { PYTHONPATH: join(folder, 'connector-python') },
  }),
});

function goProgram(): string {
  return ['/usr/local/go/bin/go', '/usr/bin/go'].find((path) => existsSync(path)) ?? 'go';
}

function hasGo(): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), dirname(goProgram())];
  return folders.some((folder) => existsSync(join(folder, 'go')));
}

export const clients: readonly Client[] = [
  {
    name: 'mariadb command line',
    required: true,
    packages: ['mariadb-client'],
    call: () => ({ program: 'bash', args: [file('scenario.sh'), 'mariadb'] }),
  },
  npm('mysql2 query', true, 'scenario-mysql2.mjs', 'query'),
  npm('mysql2 execute', true, 'scenario-mysql2.mjs', 'execute'),
  npm('mysqljs', true, 'scenario-mysqljs.mjs'),
  npm('mariadb (npm) query', true, 'scenario-mariadb.mjs', 'query'),
  npm('mariadb (npm) execute', true, 'scenario-mariadb.mjs', 'execute'),
  {
    name: 'PyMySQL',
    required: true,
    packages: ['python3-pymysql', 'python3-cryptography'],
    call: () => python('scenario.py', 'pymysql'),
  },
  {
    name: 'mysqlclient',
    required: true,
    packages: ['python3-mysqldb'],
    call: () => python('scenario.py', 'MySQLdb'),
  },
  php('pdo-emulated'),
  php('pdo-native'),
  php('mysqli'),
  perl('emulated'),
  perl('native'),
  {
    name: 'libmariadb in C',
    required: true,
    packages: ['gcc', 'libc6-dev', 'libmariadb-dev'],
    build: (folder) => ({
      program: 'sh',
      args: ['-c', `gcc -O1 -w -o ${folder}/c-scenario ${file('scenario.c')} $(mariadb_config --cflags --libs)`],
    }),
    call: (folder) => ({ program: join(folder, 'c-scenario'), args: [] }),
  },
  java('useServerPrepStmts=false&rewriteBatchedStatements=true'),
  java('useServerPrepStmts=true'),
  connectorPython('pure'),
  connectorPython('c'),
  go('interpolateParams=true'),
  go('interpolateParams=false'),
  npm('knex', false, 'orm-knex.mjs'),
  npm('sequelize', false, 'orm-sequelize.mjs'),
  npm('typeorm', false, 'orm-typeorm.mjs'),
  npm('drizzle', false, 'orm-drizzle.mjs'),
  npm('kysely', false, 'orm-kysely.mjs'),
  {
    name: 'SQLAlchemy',
    required: false,
    packages: ['python3-sqlalchemy', 'python3-pymysql'],
    call: () => python('orm-sqlalchemy.py'),
  },
  {
    name: 'Django',
    required: false,
    packages: ['python3-django', 'python3-mysqldb'],
    call: () => python('orm-django.py'),
  },
  {
    name: 'Ruby mysql2',
    required: false,
    packages: ['ruby', 'ruby-mysql2'],
    call: () => ({ program: '/usr/bin/ruby', args: [file('scenario.rb')] }),
  },
];
