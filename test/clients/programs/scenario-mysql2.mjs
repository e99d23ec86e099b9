/** The scenario for mysql2 (promises), text protocol and prepared statements. */

import mysql from 'mysql2/promise';
import { run } from './scenario.mjs';

const open = (more = {}) =>
  mysql.createConnection({
    ...run.address,
    charset: 'utf8mb4',
    supportBigNumbers: true,
    bigNumberStrings: true,
    decimalNumbers: false,
    ...more,
  });

await run.scenario({
  open: async (more = {}) => {
    const connection = await open({
      multipleStatements: more.several === true,
      ...(more.tls ? { ssl: { ca: run.ca, rejectUnauthorized: true, verifyIdentity: false } } : {}),
      ...(more.compress ? { compress: true } : {}),
    });
    const call = process.argv[2] === 'execute' && !more.several ? 'execute' : 'query';
    return {
      query: async (sql, parameters) => {
        const [answer] = await (parameters === undefined || call === 'query'
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
