//! Rows into a `COPY … FROM STDIN (FORMAT binary)`.

use std::pin::pin;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt as _;
use tokio_postgres::{CopyInSink, Transaction};

use super::latest::Latest;
use crate::postgres::failure::Failure;
use crate::postgres::table::Table;
use crate::schema::Schema;

/// How many bytes are gathered before they are sent.
const BLOCK: usize = 128 << 10;

const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: i16 = -1;

/// Encodes rows. Keeps its room from row to row.
#[derive(Debug)]
pub(super) struct Encoder {
    packed: Vec<u8>,
    values: Vec<u8>,
    ends: Vec<usize>,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self { packed: Vec::new(), values: Vec::new(), ends: Vec::new() }
    }

    /// The values of a row, each behind its length.
    fn encode<R: Schema>(&mut self, table: &Table, row: &R) -> Result<&[u8], String> {
        self.packed.clear();
        self.values.clear();
        R::pack::<{ u128::MAX }>(row.view(), &mut self.packed);
        table.layout.encode(&self.packed, &mut self.values, &mut self.ends)?;
        Ok(&self.values)
    }

    /// The value of a column of the row that was encoded last.
    fn value(&self, column: usize) -> &[u8] {
        let start = column.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(column).and_then(|end| self.values.get(start..*end)).unwrap_or_default()
    }
}

/// Finds which rows another one with the same key comes after.
pub(super) fn find_latest<R: Schema>(
    encoder: &mut Encoder,
    table: &Table,
    rows: &[R],
    latest: &mut Latest,
) -> Result<(), Failure> {
    latest.clear();
    for (at, row) in rows.iter().enumerate() {
        encoder.encode(table, row).map_err(|refusal| refused(at, rows.len(), &refusal))?;
        latest.add(table.key.iter().map(|column| encoder.value(*column)));
    }
    Ok(())
}

/// Sends the rows to `target`, which has the columns of `table`; all of them, or those that `latest` leaves.
pub(super) async fn send<R: Schema>(
    encoder: &mut Encoder,
    transaction: &Transaction<'_>,
    table: &Table,
    target: &str,
    rows: &[R],
    latest: Option<&Latest>,
) -> Result<(), Failure> {
    let columns = table.columns.join(", ");
    let sql = format!("COPY {target} ({columns}) FROM STDIN (FORMAT binary)");
    let mut copy = pin!(transaction.copy_in::<_, Bytes>(&sql).await?);
    let width = i16::try_from(table.layout.width())
        .map_err(|_| Failure::Refused("a table has at most 1600 columns".to_owned()))?;
    let mut block = BytesMut::with_capacity(BLOCK + BLOCK / 8);
    block.extend_from_slice(HEADER);
    for (at, row) in rows.iter().enumerate() {
        if latest.is_some_and(|latest| latest.is_replaced(at)) {
            continue;
        }
        let values = encoder.encode(table, row).map_err(|refusal| refused(at, rows.len(), &refusal))?;
        block.put_i16(width);
        block.extend_from_slice(values);
        if block.len() >= BLOCK {
            feed(copy.as_mut(), block.split().freeze()).await?;
            block.reserve(BLOCK + BLOCK / 8);
        }
    }
    block.put_i16(END);
    feed(copy.as_mut(), block.freeze()).await?;
    copy.finish().await?;
    Ok(())
}

async fn feed(mut copy: std::pin::Pin<&mut CopyInSink<Bytes>>, block: Bytes) -> Result<(), Failure> {
    if let Err(error) = copy.send(block).await {
        // The server has ended the statement early. What it said of that waits behind the statement's end.
        return Err(match copy.finish().await {
            Err(answer) if answer.as_db_error().is_some() => answer.into(),
            _ => error.into(),
        });
    }
    Ok(())
}

fn refused(at: usize, of: usize, refusal: &str) -> Failure {
    Failure::Refused(format!("row {} of the batch's {of}, {refusal}", at + 1))
}
