/** The scenario for mysqljs, the driver without prepared statements and with the native password plugin only. */
import mysql from 'mysql';
import { run } from './scenario.mjs';

await run.scenario({
  open: async (more = {}) => {
    const connection = mysql.createConnection({
      ...run.address,
      charset: 'utf8mb4',
      supportBigNumbers: true,
      bigNumberStrings: true,
      multipleStatements: more.several === true,
      ...(more.tls ? { ssl: { ca: run.ca, rejectUnauthorized: false } } : {}),
    });
    const call = (name, ...values) =>
      new Promise((resolve, reject) => {
        connection[name](...values, (error, answer) => (error ? reject(error) : resolve(answer)));
      });
    await call('connect');
    return {
      query: async (sql, parameters = []) => {
        const answer = await call('query', sql, parameters);
        return Array.isArray(answer)
          ? answer
          : { affected: answer.affectedRows, id: String(answer.insertId), warnings: answer.warningCount };
      },
      begin: () => call('beginTransaction'),
      commit: () => call('commit'),
      rollback: () => call('rollback'),
      changeUser: () => call('changeUser', run.address),
      end: () => call('end'),
    };
  },
});
