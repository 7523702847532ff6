/** Changes the log in a data directory behind the back of its triggers, which are there again afterwards. */
import { join } from 'node:path';
import Database from 'better-sqlite3';

export function tamper(directory: string, sql: string): void {
  const db = new Database(join(directory, 'events.db'));
  const triggers = db
    .prepare<[], { name: string; sql: string }>("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    .all();
  for (const { name } of triggers) db.exec(`DROP TRIGGER ${name}`);
  db.exec(sql);
  for (const trigger of triggers) db.exec(trigger.sql);
  db.close();
}
