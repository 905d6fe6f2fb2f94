import type { DeclaredInsert } from '../../checker/facts/declared-program';
import { tablesIn } from '../../checker/sql/ddl';
import { ddl, ownTables } from './schema';

/** The statements that make the contract's tables and views in a database. */
export function tableDefinitions(database: string): string[] {
  return ddl.map(statement => statement.replaceAll('{database}', database));
}

/** Rows with every column in each table that the gold job keeps for itself; what users read are views of them. */
export function ownTableInserts(database: string): DeclaredInsert[] {
  const made = tablesIn(tableDefinitions(database).join(';\n'));
  return ownTables.map(table => {
    const columns = made.find(({ name }) => name === table)?.columns;
    return { database, table, ...(columns === undefined ? {} : { columns }) };
  });
}
