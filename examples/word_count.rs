//! Counts words that arrive on a socket, like the first example of Spark's streaming guide.
//!
//! `cargo run --example word_count` serves a few lines to itself and ends.
//! `nc -lk 9999` in one terminal and `cargo run --example word_count localhost 9999` in another count what you
//! type; Ctrl-C stops.

use std::time::Duration as StdDuration;

use stream_runtime::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

#[derive(Schema)]
struct WordCount {
    word: String,
    count: u64,
}

stream_query! {
    /// How often each word has been seen. The words of a language are many, but no watermark bounds them: hence
    /// `unbounded`.
    query WordCounts(lines: Line) -> WordCount {
        from line in lines;
        explode word in line.value.split_whitespace();
        group by word unbounded;
        select WordCount { word: word, count: count() };
        output complete;
    }
}

const LINES: [&str; 4] = ["apache spark", "apache hadoop", "", "spark streams and spark batches"];

/// Serves the lines to the first who connects; gives the port.
async fn serve_lines() -> std::io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await?;
        for line in LINES {
            socket.write_all(format!("{line}\n").as_bytes()).await?;
            tokio::time::sleep(StdDuration::from_millis(300)).await;
        }
        // Held open until the program ends, as a terminal would.
        std::future::pending::<()>().await;
        Ok::<_, std::io::Error>(())
    });
    Ok(port)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (host, port, own) = match &arguments[..] {
        [] => ("127.0.0.1".to_owned(), serve_lines().await?, true),
        [host, port] => (host.clone(), port.parse()?, false),
        _ => return Err("usage: word_count [HOST PORT]".into()),
    };
    let query =
        WordCounts::query().lines(SocketSource::connect(host, port)).to(ConsoleSink::new()).start().await?;
    if own {
        let mut seen = 0;
        while seen < LINES.len() as u64 && query.is_active() {
            tokio::time::sleep(StdDuration::from_millis(50)).await;
            seen = query.recent_progress().iter().map(|progress| progress.num_input_rows).sum();
        }
    } else {
        println!("counting; Ctrl-C stops");
        tokio::signal::ctrl_c().await?;
    }
    query.stop().await?;
    Ok(())
}
