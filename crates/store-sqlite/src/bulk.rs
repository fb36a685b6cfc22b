//! Inserting many rows: several by one statement. What a statement costs apart from its rows is most of what one row
//! costs, and a statement that stays at the end of its table need not search for the place of each.

use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// Rows that one statement takes.
const ROWS: usize = 32;

/// An insertion into one table, as statements for many rows and for one.
pub struct Insertion {
    many: String,
    one: String,
}

impl Insertion {
    /// `beginning VALUES (…), … end`.
    pub fn new(beginning: &str, columns: usize, end: &str) -> Insertion {
        let row = format!("({})", vec!["?"; columns].join(", "));
        let spelled = |rows| format!("{beginning} VALUES {} {end}", vec![row.as_str(); rows].join(", "));
        Insertion { many: spelled(ROWS), one: spelled(1) }
    }

    /// Inserts rows in their order; `values` says what one has, column by column. Says how many rows changed.
    pub fn of<T, const COLUMNS: usize>(
        &self,
        connection: &Connection,
        rows: &[T],
        values: impl for<'a> Fn(&'a T) -> [ValueRef<'a>; COLUMNS],
    ) -> rusqlite::Result<usize> {
        let (many, single) = rows.as_chunks::<ROWS>();
        let many = run(connection, &self.many, many.iter().map(<[T; ROWS]>::as_slice), &values)?;
        Ok(many + run(connection, &self.one, single.chunks(1), &values)?)
    }
}

/// Runs a statement for each part of the rows.
fn run<'r, T: 'r, const COLUMNS: usize>(
    connection: &Connection,
    sql: &str,
    parts: impl ExactSizeIterator<Item = &'r [T]>,
    values: &impl for<'a> Fn(&'a T) -> [ValueRef<'a>; COLUMNS],
) -> rusqlite::Result<usize> {
    if parts.len() == 0 {
        return Ok(0);
    }
    let (mut statement, mut changed) = (connection.prepare_cached(sql)?, 0);
    for part in parts {
        for (row, one) in part.iter().enumerate() {
            for (column, value) in values(one).into_iter().enumerate() {
                statement.raw_bind_parameter(1 + row * COLUMNS + column, ToSqlOutput::Borrowed(value))?;
            }
        }
        changed += statement.raw_execute()?;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)").unwrap();
        connection
    }

    fn insert(connection: &Connection, rows: &[(i64, String)], end: &str) -> rusqlite::Result<usize> {
        Insertion::new("INSERT INTO t", 2, end)
            .of(connection, rows, |(a, b)| [ValueRef::Integer(*a), ValueRef::Text(b.as_bytes())])
    }

    #[test]
    fn every_row_is_inserted_once_whatever_their_number() {
        for count in [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 5] {
            let connection = table();
            let rows: Vec<_> = (0..count as i64).map(|a| (a, format!("row {a}"))).collect();
            assert_eq!(insert(&connection, &rows, "").unwrap(), count);
            let mut all = connection.prepare("SELECT a, b FROM t ORDER BY a").unwrap();
            let found = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            assert_eq!(found.collect::<rusqlite::Result<Vec<(i64, String)>>>().unwrap(), rows);
        }
    }

    #[test]
    fn rows_that_change_nothing_are_not_counted() {
        let connection = table();
        let rows: Vec<_> = (0..2 * ROWS as i64).map(|a| (a, String::new())).collect();
        insert(&connection, &rows[3..5], "").unwrap();
        let changed = insert(&connection, &rows, "ON CONFLICT DO NOTHING").unwrap();
        assert_eq!(changed, rows.len() - 2);
    }

    #[test]
    fn a_row_that_cannot_be_inserted_is_an_error() {
        let connection = table();
        let rows = [(1, "one".to_owned()), (1, "two".to_owned())];
        assert!(insert(&connection, &rows, "").is_err());
    }
}
