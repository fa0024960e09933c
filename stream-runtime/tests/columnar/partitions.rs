//! Directories that are named after columns: what Spark writes there, and what nobody should.

use std::fs;

use stream_runtime::prelude::*;
use stream_runtime::source::{MalformedRow, OnMalformed};

use crate::formats::{FORMATS, query, rows_of, table, write};
use crate::support::{error_of, load, run};

fn seven() -> i32 {
    7
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Visit {
    id: i64,
    day: Date,
    at: Timestamp,
    country: Option<String>,
    #[schema(default = "seven")]
    rank: i32,
    share: Option<f64>,
}

stream_query! {
    query Visits(visits: Visit) -> Visit {
        from visit in visits;
        select visit;
        output append;
    }
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Count {
    country: Option<String>,
    day: Date,
    n: u64,
}

stream_query! {
    query Counts(visits: Visit) -> Count {
        from visit in visits;
        where visit.rank < 10;
        group by visit.country, visit.day unbounded;
        select Count { country: visit.country, day: visit.day, n: count() };
        output complete;
    }
}

fn visit(id: i64, day: &str, at: &str, country: Option<&str>, rank: i32, share: Option<f64>) -> Visit {
    let country = country.map(str::to_owned);
    Visit { id, day: day.parse().unwrap(), at: at.parse().unwrap(), country, rank, share }
}

const SPARK: [(&str, &[&str]); 3] = [
    ("day=2026-01-31/at=2026-01-31 12%3A00%3A00.123/country=a%2Fb %25/rank=-7/share=1.0E10", &["1", "2"]),
    (
        "day=2026-01-31/at=1969-12-31 23%3A59%3A59/country=__HIVE_DEFAULT_PARTITION__/rank=0/share=-0.5",
        &["3"],
    ),
    (
        "day=2026-02-01/at=2026-01-31 00%3A00%3A00/country=데/rank=12/share=__HIVE_DEFAULT_PARTITION__",
        &["4", "5", "6"],
    ),
];

fn spark_visits() -> Vec<Visit> {
    let (noon, midnight) = ("2026-01-31T12:00:00.123Z", "2026-01-31T00:00:00Z");
    let first = |id| visit(id, "2026-01-31", noon, Some("a/b %"), -7, Some(1e10));
    let last = |id| visit(id, "2026-02-01", midnight, Some("데"), 12, None);
    vec![
        first(1),
        first(2),
        visit(3, "2026-01-31", "1969-12-31T23:59:59Z", None, 0, Some(-0.5)),
        last(4),
        last(5),
        last(6),
    ]
}

fn sorted(mut visits: Vec<Visit>) -> Vec<Visit> {
    visits.sort_by_key(|visit| visit.id);
    visits
}

#[test]
fn directories_of_spark_s_writers_are_read_in_every_format() {
    for format in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        for (index, (partition, ids)) in SPARK.iter().enumerate() {
            let name = format!("part-0000{index}-c000.{format}");
            write(format, &directory.join(partition).join(name), &[("id", ids)]);
        }
        fs::write(directory.join("_SUCCESS"), "").unwrap();
        assert_eq!(sorted(table(format, directory).unwrap()), spark_visits(), "{format}");
        assert_eq!(sorted(query!(Visits, visits, format, directory)), spark_visits(), "{format}");
        // The query names columns of directories alone.
        let day = "2026-01-31".parse().unwrap();
        let mut counts = query!(Counts, visits, format, directory);
        counts.sort_by_key(|count| count.country.clone());
        let at = Some("a/b %".to_owned());
        assert_eq!(
            counts,
            [Count { country: None, day, n: 1 }, Count { country: at, day, n: 2 }],
            "{format}"
        );
    }
}

#[test]
fn the_files_of_a_manifest_of_spark_s_are_in_its_partitions() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let mut manifest = vec!["v1".to_owned()];
    for (index, (partition, ids)) in SPARK.iter().enumerate() {
        let path = directory.join(partition).join(format!("part-{index}.json"));
        write("json", &path, &[("id", ids)]);
        // An URI, in which what is escaped already is escaped once more.
        let uri = path.to_str().unwrap().replace('%', "%25").replace(' ', "%20");
        manifest.push(format!(
            "{{\"path\":\"file://{uri}\",\"size\":9,\"isDir\":false,\"modificationTime\":1767225600000,\
             \"blockReplication\":1,\"blockSize\":33554432,\"action\":\"add\"}}"
        ));
    }
    write("json", &directory.join("day=2026-01-31/orphan.json"), &[("id", &["9"])]);
    fs::create_dir(directory.join("_spark_metadata")).unwrap();
    fs::write(directory.join("_spark_metadata/0"), manifest.join("\n")).unwrap();
    assert_eq!(sorted(query!(Visits, visits, "json", directory)), spark_visits());
    assert_eq!(sorted(table("json", directory).unwrap()), spark_visits());
}

#[test]
fn a_column_that_is_in_the_file_as_well_has_the_directory_s_value() {
    for format in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let partition = directory.join("day=2026-01-31/country=at");
        let at = "2026-01-01T00:00:00Z";
        write(
            format,
            &partition.join("a"),
            &[("id", &["1"]), ("day", &["2020-01-01"]), ("at", &[at]), ("country", &["file"])],
        );
        // In another order, and of other types.
        write(
            format,
            &partition.join("b"),
            &[("country", &["5"]), ("day", &["never"]), ("at", &[at]), ("id", &["2"])],
        );
        let expected = [1, 2].map(|id| visit(id, "2026-01-31", at, Some("at"), 7, None));
        // No file of columns has text where the row type has a time.
        if matches!(format, "json" | "csv") {
            assert_eq!(sorted(table(format, directory).unwrap()), expected, "{format}");
            assert_eq!(sorted(query!(Visits, visits, format, directory)), expected, "{format}");
        }
        let day = expected[0].day;
        let counts = query!(Counts, visits, format, directory);
        assert_eq!(counts, [Count { country: Some("at".to_owned()), day, n: 2 }], "{format}");
    }
}

#[test]
fn a_struct_within_a_row_has_what_the_file_says() {
    #[derive(Schema, Clone, Debug, PartialEq)]
    struct Home {
        street: String,
        // In the same place and of the same type as the row's.
        #[schema(default)]
        country: String,
    }
    #[derive(Schema, Clone, Debug, PartialEq)]
    struct Person {
        home: Home,
        country: String,
        homes: Vec<Home>,
    }
    let directory = tempfile::tempdir().unwrap();
    let partition = directory.path().join("country=at");
    fs::create_dir(&partition).unwrap();
    let first = r#""home":{"street":"a"}"#;
    let second = r#""homes":[{"street":"b","country":"c"},{"street":"d"},{"country":"e","street":"f"}]"#;
    // In declared order, and in another.
    fs::write(partition.join("a.json"), format!("{{{first},{second}}}\n{{{second},{first}}}\n")).unwrap();
    let home = |street: &str, country: &str| Home { street: street.to_owned(), country: country.to_owned() };
    let person = Person {
        home: home("a", ""),
        country: "at".to_owned(),
        homes: vec![home("b", "c"), home("d", ""), home("f", "e")],
    };
    assert_eq!(load::<Person>(StaticFile::json(directory.path())).unwrap(), [person.clone(), person]);
}

#[test]
fn a_file_outside_of_a_column_s_directories_has_the_column_itself_or_not_at_all() {
    for format in FORMATS {
        #[derive(Schema, Clone, Debug, PartialEq)]
        struct Row {
            id: i64,
            country: Option<String>,
            #[schema(default = "seven")]
            rank: i32,
        }
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        write(format, &directory.join("a"), &[("id", &["1"])]);
        write(format, &directory.join("b"), &[("id", &["2"]), ("country", &["de"]), ("rank", &["3"])]);
        write(format, &directory.join("country=at/a"), &[("id", &["3"])]);
        write(format, &directory.join("country=at/b"), &[("id", &["4"]), ("rank", &["4"])]);
        write(format, &directory.join("rank=5/country=fr/a"), &[("id", &["5"])]);
        write(format, &directory.join("other=x/rank=6/a"), &[("id", &["6"])]);
        let mut rows: Vec<Row> = table(format, directory).unwrap();
        rows.sort_by_key(|row| row.id);
        let row = |id, country: &str, rank| Row {
            id,
            country: (!country.is_empty()).then(|| country.to_owned()),
            rank,
        };
        let expected = [
            row(1, "", 7),
            row(2, "de", 3),
            row(3, "at", 7),
            row(4, "at", 4),
            row(5, "fr", 5),
            row(6, "", 6),
        ];
        assert_eq!(rows, expected, "{format}");
        // What lacks the column fails as ever.
        fs::remove_dir_all(directory.join("other=x")).unwrap();
        write(format, &directory.join("country=at/c"), &[("rank", &["1"])]);
        let error = error_of(table::<Row>(format, directory));
        assert!(error.contains("`id`") && error.contains("country=at/c"), "{format}: {error}");
    }
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Typed {
    id: i64,
    #[schema(default)]
    rank: u8,
    day: Option<Date>,
    country: Option<String>,
    at: Option<Timestamp>,
    tags: Option<Vec<String>>,
    #[schema(default)]
    page: String,
}

stream_query! {
    query Types(rows: Typed) -> Typed {
        from row in rows;
        select row;
        output append;
    }
}

#[test]
fn a_directory_without_a_value_of_its_column_is_an_error_of_the_source() {
    let cases = [
        ("rank=300", "rank", "u8", "`300` is not an integer from 0 to 255 (`u8`)"),
        (
            "rank=__HIVE_DEFAULT_PARTITION__",
            "rank",
            "u8",
            "it is null, and the row type allows no null there",
        ),
        ("day=yesterday", "day", "Option<Date>", "`yesterday` is not a date such as `2026-01-31`"),
        ("at=noon", "at", "Option<Timestamp>", "`noon` is not a time such as `2026-01-31 12:00:00.5` (UTC)"),
        (
            "at=2026-01-31 12%3A00[Europe%2FBerlin]",
            "at",
            "Option<Timestamp>",
            "`2026-01-31 12:00[Europe/Berlin]` is not a time such as `2026-01-31 12:00:00.5` (UTC)",
        ),
        ("country=%FF", "country", "Option<String>", "it isn't UTF-8"),
        ("country=", "country", "Option<String>", "there is nothing behind the `=`"),
        ("day=2026-01-31/x=1/day=2026-01-31", "day", "Option<Date>", "`day=2026-01-31` names it, too"),
        (
            "tags=[]",
            "tags",
            "Option<Vec<String>>",
            "only text, numbers, `bool`, dates and timestamps are read from directories",
        ),
    ];
    for (partition, column, type_name, problem) in cases {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let file = directory.join(partition).join("a");
        write("json", &file, &[("id", &["1"])]);
        let named = partition.split('/').next().unwrap();
        let expected = format!(
            "`{}` is in the directory `{named}`, which holds no value of the column `{column}` ({type_name}): \
             {problem}; rename the directory, or correct the row type",
            file.display()
        );
        let error = error_of(table::<Typed>("json", directory));
        assert!(error.contains(&expected), "{error}\n{expected}");
        // No policy for malformed rows makes it one of them.
        let source = FileSource::json(directory).on_malformed(OnMalformed::Drop);
        let error = error_of(run(Types::query().rows(source), 1));
        assert!(error.starts_with("source `FileSource[") && error.contains(&expected), "{error}");
    }
}

#[test]
fn a_malformed_row_of_a_partition_is_known_by_its_place_and_by_what_the_file_has() {
    #[derive(Schema, Clone, Debug, PartialEq)]
    struct Row {
        rank: u8,
        country: String,
    }
    for (format, place) in
        [("json", ":2 (byte 11)"), ("csv", ":3 (byte 7)"), ("parquet", ", row 2"), ("orc", ", row 2")]
    {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let path = directory.join("country=at/a");
        let columns: &[(&str, &[&str])] = &[("id", &["1", "2"]), ("rank", &["3", "300"])];
        write(format, &path, if format == "csv" || format == "json" { &columns[1..] } else { columns });
        let error = error_of(table::<Row>(format, directory));
        let problem = format!("malformed row in {}{place}: ", path.display());
        assert!(error.contains(&problem) && error.contains("column `rank`: "), "{format}: {error}");
    }
    let directory = tempfile::tempdir().unwrap();
    write("parquet", &directory.path().join("country=at/a"), &[("id", &["1", "2"]), ("rank", &["3", "300"])]);
    let (letters, sink) = MemorySink::<MalformedRow>::new();
    let source = FileSource::parquet(directory.path()).on_malformed(OnMalformed::dead_letter(sink));
    let rows = rows_of(Types::query().rows(source));
    assert_eq!((rows.len(), rows[0].country.as_deref()), (1, Some("at")));
    let kept: Vec<_> = letters.last().unwrap().rows.iter().map(|row| row.bytes.clone()).collect();
    assert_eq!(kept, [br#"{"id":2,"rank":300}"#]);
}

#[test]
fn files_of_one_name_in_several_partitions_are_several_by_name_too() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    for (day, id) in [("2026-01-31", "1"), ("2026-02-01", "2")] {
        write("json", &directory.join(format!("day={day}/000000_0")), &[("id", &[id])]);
    }
    let mut rows = rows_of(Types::query().rows(FileSource::json(directory).file_name_only(true)));
    rows.sort_by_key(|row| row.id);
    let read: Vec<_> = rows.iter().map(|row| (row.id, row.day.unwrap().to_string())).collect();
    assert_eq!(read, [(1, "2026-01-31".to_owned()), (2, "2026-02-01".to_owned())]);
}

#[test]
fn a_time_of_a_directory_has_the_offset_that_it_names() {
    #[derive(Schema, Clone, Debug, PartialEq)]
    struct Millis {
        #[schema(timestamp = "millis")]
        at: Timestamp,
    }
    let directory = tempfile::tempdir().unwrap();
    for (time, id) in [("12%3A00%3A00", "1"), ("12%3A00+02%3A00", "2"), ("12%3A00-05", "3")] {
        write("json", &directory.path().join(format!("at=2026-01-31 {time}/a")), &[("id", &[id])]);
    }
    let mut rows: Vec<Typed> = table("json", directory.path()).unwrap();
    rows.sort_by_key(|row| row.id);
    let hours: Vec<_> = rows.iter().map(|row| row.at.unwrap().as_secs() / 3600 % 24).collect();
    assert_eq!(hours, [12, 10, 17]);

    // Of a column whose texts are numbers times are in UTC only.
    let error = error_of(table::<Millis>("json", directory.path()));
    assert!(error.contains("` is not a time such as `2026-01-31 12:00:00.5` (UTC)"), "{error}");
    for offset in ["12%3A00+02%3A00", "12%3A00-05"] {
        fs::remove_dir_all(directory.path().join(format!("at=2026-01-31 {offset}"))).unwrap();
    }
    let rows: Vec<Millis> = table("json", directory.path()).unwrap();
    assert_eq!(rows, [Millis { at: "2026-01-31T12:00:00Z".parse().unwrap() }]);
}

#[test]
fn null_is_empty_text_where_text_may_not_be_null() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    write("json", &directory.join("page=__HIVE_DEFAULT_PARTITION__/a"), &[("id", &["1"])]);
    assert_eq!(table::<Typed>("json", directory).unwrap()[0].page, "");
}

#[test]
fn directories_give_no_columns_if_all_are_read_whatever_their_names() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    write("json", &directory.join("x/day=2026-01-31/a"), &[("id", &["1"])]);
    let source = FileSource::json(directory).recursive_file_lookup(true);
    let error = error_of(run(Types::query().rows(source), 1));
    let expected = "is in the directory `day=2026-01-31`, which gives the column `day` no value under \
                    `recursive_file_lookup`; leave that option away, or take the column out of the row type";
    assert!(error.contains(expected), "{error}");
    // By a pattern they do.
    let rows = rows_of(Types::query().rows(FileSource::json(directory.join("*/day=*/*"))));
    assert_eq!(rows[0].day, Some("2026-01-31".parse().unwrap()));
    // What leads to the source's path is nothing but its path.
    let rows = rows_of(Types::query().rows(FileSource::json(directory.join("x/day=2026-01-31"))));
    assert_eq!(rows[0].day, None);
}
