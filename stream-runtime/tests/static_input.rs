//! Where static inputs come from, and when they are loaded again.

use std::fs::{self, File, FileTimes};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use stream_runtime::__private::{KeySlot, Lookup, Lookups, lookup};
use stream_runtime::prelude::*;
use stream_runtime::static_input::{StaticSource, Version};
use stream_runtime::testing::ManualClock;
use stream_runtime::{Error, Result};
use tempfile::tempdir;

#[derive(Clone, Debug, PartialEq, Schema)]
struct Product {
    id: String,
    price: u32,
    note: Option<String>,
}

fn product(id: &str, price: u32) -> Product {
    Product { id: id.to_owned(), price, note: None }
}

fn clock() -> Arc<ManualClock> {
    ManualClock::new(Timestamp::UNIX_EPOCH)
}

trait Prices: Lookups {
    /// The prices of the product `tea`.
    fn tea(&self) -> Vec<u32>;
}

impl<G> Prices for (Lookup<(String,), Product, G>,)
where
    G: for<'a> Fn(<Product as Schema>::View<'a>, &mut KeySlot<(String,)>) + Send + Sync + 'static,
{
    fn tea(&self) -> Vec<u32> {
        self.tables().0.matches(("tea",)).map(|product| product.price).collect()
    }
}

fn prices(source: impl StaticSource<Product>) -> impl Prices {
    (lookup::<Product, _, _>(source, |p, slot: &mut KeySlot<_>| slot.set((&p.id,))),)
}

async fn rows(mut source: impl StaticSource<Product>) -> Result<Vec<Product>> {
    source.load().await
}

async fn failure(source: impl StaticSource<Product>) -> String {
    prices(source).refresh(&*clock()).await.unwrap_err().to_string()
}

/// Puts a file in place of another as a careful writer does.
fn replace(path: &Path, text: &str) {
    let new = path.with_file_name("_new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

#[tokio::test]
async fn a_directory_is_read_file_by_file_in_the_order_of_paths_without_hidden_names() {
    let directory = tempdir().unwrap();
    let file = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    file("b.csv", "price,id,more\n3,mug,x\n\n4,\"te\na\",y\n");
    file("a.csv", "id,note,price\r\ntea,,1\r\ntea,green,2\r\n");
    // The order of times is another.
    let old = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
    File::options().write(true).open(directory.path().join("b.csv")).unwrap().set_times(old).unwrap();
    file("_hidden.csv", "broken");
    file(".hidden.csv", "broken");
    file("empty.csv", "");
    fs::create_dir(directory.path().join("below")).unwrap();
    file("below/c.csv", "id,price\ncup,5\n");

    let a = vec![product("tea", 1), Product { note: Some("green".to_owned()), ..product("tea", 2) }];
    let b = vec![product("mug", 3), product("te\na", 4)];
    let path = directory.path();
    assert_eq!(rows(StaticFile::csv(path.join("a.csv"))).await.unwrap(), a);
    assert_eq!(rows(StaticFile::csv(path)).await.unwrap(), [&a[..], &b].concat());
    assert_eq!(rows(StaticFile::csv(path.join("[ab].csv"))).await.unwrap(), [&a[..], &b].concat());
    let recursive = StaticFile::csv(path).recursive_file_lookup(true);
    assert_eq!(rows(recursive).await.unwrap(), [&a[..], &b, &[product("cup", 5)]].concat());
}

#[tokio::test]
async fn files_are_read_with_the_options_that_they_were_given() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("products");
    fs::write(&path, "tea;1;'a;b'\n").unwrap();
    let source = StaticFile::csv(&path).delimiter(b';').quote(b'\'').header(false);
    assert_eq!(
        rows(source.clone()).await.unwrap(),
        [Product { note: Some("a;b".into()), ..product("tea", 1) }]
    );
    assert!(failure(source.max_line_bytes(5)).await.ends_with(
        "products:1 (byte 0): the record is longer than 5 bytes (`max_line_bytes`); correct the file"
    ));
    let refused = failure(StaticFile::csv(&path).delimiter(b'\n')).await;
    assert_eq!(refused, "invalid option `delimiter`: line ends end the record");

    fs::write(&path, "{\"id\":\"tea\",\"price\":1}\n\n{\"price\":2,\"id\":\"mug\",\"note\":null}").unwrap();
    assert_eq!(rows(StaticFile::json(&path)).await.unwrap(), [product("tea", 1), product("mug", 2)]);
}

#[tokio::test]
async fn a_malformed_row_fails_the_load_with_its_file_and_line() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("products.csv");
    let shown = path.display();
    fs::write(&path, "id,price\ntea,1\nmug,cheap\n").unwrap();
    assert_eq!(
        failure(StaticFile::csv(&path)).await,
        format!(
            "source `StaticFile[{shown}]`: malformed row in {shown}:3 (byte 15): column `price`: `cheap` is not a 32-bit \
             integer without sign (`u32`); correct the file"
        )
    );
    fs::write(&path, "id,cost\ntea,1\n").unwrap();
    let header = failure(StaticFile::csv(&path)).await;
    assert!(
        header.starts_with(&format!("source `StaticFile[{shown}]`: the header of `{shown}`: ")),
        "{header}"
    );
}

#[tokio::test]
async fn a_path_without_files_is_an_error_and_an_empty_directory_an_empty_table() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("products.csv");
    let shown = path.display();
    assert_eq!(
        failure(StaticFile::csv(&path)).await,
        format!(
            "source `StaticFile[{shown}]`: `{shown}` doesn't exist; create it, and start the query again"
        )
    );
    let pattern = directory.path().join("*.csv");
    let shown = pattern.display();
    assert_eq!(
        failure(StaticFile::csv(&pattern)).await,
        format!("source `StaticFile[{shown}]`: `{shown}` matches no file; correct it, or create the files")
    );
    assert_eq!(rows(StaticFile::csv(directory.path())).await.unwrap(), []);
}

#[tokio::test]
async fn a_table_is_loaded_once_unless_told_otherwise() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("products.csv");
    fs::write(&path, "id,price\ntea,1\n").unwrap();
    let (clock, lookups) = (clock(), prices(StaticFile::csv(&path)));
    assert!(lookups.tea().is_empty());
    assert!(lookups.refresh(&*clock).await.unwrap());
    fs::remove_file(&path).unwrap();
    clock.advance(days(1));
    assert!(!lookups.refresh(&*clock).await.unwrap());
    assert_eq!(lookups.tea(), [1]);
}

#[tokio::test]
async fn a_file_that_is_renamed_over_is_loaded_again_and_a_batch_keeps_its_table() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("products.csv");
    fs::write(&path, "id,price\ntea,1\n").unwrap();
    let (clock, lookups) = (clock(), prices(StaticFile::csv(&path).reload_on_change()));
    assert!(lookups.refresh(&*clock).await.unwrap());
    assert!(!lookups.refresh(&*clock).await.unwrap());

    replace(&path, "id,price\ntea,10\ntea,20\n");
    assert_eq!(lookups.tea(), [1]);
    assert!(lookups.refresh(&*clock).await.unwrap());
    assert_eq!(lookups.tea(), [10, 20]);
    assert!(!lookups.refresh(&*clock).await.unwrap());

    replace(&path, "id,price\nmug,1\n");
    assert!(lookups.refresh(&*clock).await.unwrap());
    assert!(lookups.tea().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn a_replaced_file_of_the_same_length_and_time_is_another_file() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("products.csv");
    let write = |path: &Path, text| {
        fs::write(path, text).unwrap();
        let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
        File::options().write(true).open(path).unwrap().set_times(times).unwrap();
    };
    write(&path, "id,price\ntea,1\n");
    let (clock, lookups) = (clock(), prices(StaticFile::csv(&path).reload_on_change()));
    lookups.refresh(&*clock).await.unwrap();
    let new = directory.path().join("_new");
    write(&new, "id,price\ntea,2\n");
    fs::rename(new, &path).unwrap();
    assert!(lookups.refresh(&*clock).await.unwrap());
    assert_eq!(lookups.tea(), [2]);
}

#[tokio::test]
async fn a_directory_changes_when_a_file_is_added_or_removed() {
    let directory = tempdir().unwrap();
    let (a, b) = (directory.path().join("a.json"), directory.path().join("b.json"));
    fs::write(&a, "{\"id\":\"tea\",\"price\":1}").unwrap();
    let (clock, lookups) = (clock(), prices(StaticFile::json(directory.path()).reload_on_change()));
    lookups.refresh(&*clock).await.unwrap();
    replace(&b, "{\"id\":\"tea\",\"price\":2}");
    assert!(lookups.refresh(&*clock).await.unwrap());
    assert_eq!(lookups.tea(), [1, 2]);
    fs::remove_file(&a).unwrap();
    assert!(lookups.refresh(&*clock).await.unwrap());
    assert_eq!(lookups.tea(), [2]);
}

#[tokio::test]
async fn a_reload_that_fails_says_which_table_and_why_and_leaves_the_table() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("products.csv");
    let shown = path.display();
    fs::write(&path, "id,price\ntea,1\n").unwrap();
    let (clock, lookups) = (clock(), prices(StaticFile::csv(&path).reload_on_change()));
    lookups.refresh(&*clock).await.unwrap();
    replace(&path, "id,price\ntea,2\ntea\n");
    let error = lookups.refresh(&*clock).await.unwrap_err().to_string();
    let wanted = format!("source `StaticFile[{shown}]`: malformed row in {shown}:3 (byte 15): ");
    assert!(error.starts_with(&wanted), "{error}");
    fs::remove_file(&path).unwrap();
    let error = lookups.refresh(&*clock).await.unwrap_err().to_string();
    assert!(error.contains("doesn't exist"), "{error}");
    assert_eq!(lookups.tea(), [1]);
}

#[tokio::test]
async fn a_table_is_loaded_again_when_its_time_has_come_whether_it_changed_or_not() {
    let table = Counted::new(None);
    let (clock, lookups) = (clock(), prices(table.clone().reload_every(minutes(5))));
    assert!(lookups.refresh(&*clock).await.unwrap());
    clock.advance(minutes(5) - milliseconds(1));
    assert!(!lookups.refresh(&*clock).await.unwrap());
    clock.advance(milliseconds(1));
    assert!(lookups.refresh(&*clock).await.unwrap());
    // The time counts from the last load.
    clock.advance(minutes(7));
    assert!(lookups.refresh(&*clock).await.unwrap());
    clock.advance(minutes(4));
    assert!(!lookups.refresh(&*clock).await.unwrap());
    assert_eq!(table.loads(), 3);
}

#[tokio::test]
async fn with_both_options_a_table_is_looked_at_only_so_often() {
    let table = MemoryTable::new([product("tea", 1)]);
    let (clock, lookups) = (clock(), prices(table.clone().reload_every(minutes(5)).reload_on_change()));
    assert!(lookups.refresh(&*clock).await.unwrap());
    clock.advance(minutes(5));
    assert!(!lookups.refresh(&*clock).await.unwrap());
    table.replace([product("tea", 2)]);
    clock.advance(minutes(4));
    assert!(!lookups.refresh(&*clock).await.unwrap());
    clock.advance(minutes(1));
    assert!(lookups.refresh(&*clock).await.unwrap());
    assert_eq!(lookups.tea(), [2]);
}

#[tokio::test]
async fn a_memory_table_is_replaced_as_a_whole_without_being_told_to_reload() {
    let table = MemoryTable::new([product("tea", 1), product("mug", 3)]);
    let (clock, lookups) = (clock(), prices(table.clone()));
    assert!(lookups.refresh(&*clock).await.unwrap());
    let before = lookups.tables();
    table.replace([product("tea", 2), product("tea", 2)]);
    assert_eq!(lookups.tea(), [1]);
    assert!(lookups.refresh(&*clock).await.unwrap());
    assert!(!lookups.refresh(&*clock).await.unwrap());
    assert_eq!(lookups.tea(), [2, 2]);
    drop(before);
    table.replace([]);
    assert!(lookups.refresh(&*clock).await.unwrap());
    assert!(lookups.tea().is_empty());
}

#[tokio::test]
async fn rows_in_a_vec_are_a_table_that_never_changes() {
    let (clock, lookups) = (clock(), prices(vec![product("tea", 1)].reload_on_change()));
    assert_eq!(lookups.descriptions(), ["Vec[1 rows]"]);
    assert!(lookups.refresh(&*clock).await.unwrap());
    assert!(!lookups.refresh(&*clock).await.unwrap());
    assert_eq!(lookups.tea(), [1]);
    let lookups = prices(vec![product("tea", 1)].reload_every(seconds(1)));
    for _ in 0..2 {
        assert!(lookups.refresh(&*clock).await.unwrap());
        assert_eq!(lookups.tea(), [1]);
        clock.advance(seconds(1));
    }
}

#[tokio::test]
async fn an_option_that_can_not_be_kept_is_refused_by_name() {
    let refused = async |source| match prices(source).refresh(&*clock()).await {
        Err(Error::InvalidOption { option, message }) => format!("{option}: {message}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(Counted::new(None).reload_on_change()).await,
        "reload_on_change: `Counted` can't tell whether it has changed; use `reload_every`, or implement \
         `StaticSource::version`"
    );
    assert_eq!(
        refused(Counted::new(None).reload_every(seconds(0))).await,
        "reload_every: `Counted` can't be loaded again every 0 s; give a positive duration"
    );
}

#[tokio::test]
async fn a_panic_in_a_key_expression_is_an_error() {
    let lookup = lookup::<Product, (String,), _>(vec![product("tea", 1)], |p, _: &mut KeySlot<_>| {
        assert!(p.id == "mug", "no mug");
    });
    let error = lookup.refresh(&*clock()).await.unwrap_err();
    assert!(matches!(&error, Error::Panic { message } if message.contains("no mug")), "{error:?}");
}

/// Counts how often it was loaded.
#[derive(Clone)]
struct Counted {
    loads: Arc<std::sync::atomic::AtomicU32>,
    version: Option<Version>,
}

impl Counted {
    fn new(version: Option<Version>) -> Self {
        Self { loads: Arc::default(), version }
    }

    fn loads(&self) -> u32 {
        self.loads.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[async_trait]
impl StaticSource<Product> for Counted {
    fn description(&self) -> String {
        "Counted".to_owned()
    }

    async fn load(&mut self) -> Result<Vec<Product>> {
        self.loads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Vec::new())
    }

    async fn version(&mut self) -> Result<Option<Version>> {
        Ok(self.version.clone())
    }
}
