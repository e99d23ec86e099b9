/** The scenario for MariaDB's connector for Node, `query` (text) or `execute` (prepared). */
import mariadb from 'mariadb';
import { run } from './scenario.mjs';

await run.scenario({
  open: async (more = {}) => {
    const connection = await mariadb.createConnection({
      ...run.address,
      bigIntAsNumber: false,
      insertIdAsNumber: false,
      decimalAsNumber: false,
      multipleStatements: more.several === true,
      ...(more.compress ? { compress: true } : {}),
      ...(more.tls ? { ssl: { ca: run.ca, rejectUnauthorized: false } } : {}),
    });
    return {
      query: async (sql, parameters) => {
        const answer = await (parameters === undefined || process.argv[2] !== 'execute'
          ? connection.query(sql, parameters)
          : connection.execute(sql, parameters));
        return Array.isArray(answer)
          ? answer
          : { affected: answer.affectedRows, id: String(answer.insertId), warnings: answer.warningStatus };
      },
      begin: () => connection.beginTransaction(),
      commit: () => connection.commit(),
      rollback: () => connection.rollback(),
      changeUser: () => connection.changeUser(run.address),
      end: () => connection.end(),
    };
  },
});
