//! TLS: the server's certificate is verified, and so is its name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use stream_runtime::Schema;
use stream_runtime::postgres::PostgresConfig;
use stream_runtime::sink::Retry;
use stream_runtime::static_input::{StaticPostgres, StaticSource};

use super::server::{Server, can_have_own};

#[derive(Schema, Debug, PartialEq)]
struct Session {
    ssl: bool,
    version: String,
}

/// An authority, and a server's certificate of it for `localhost`.
fn certificates(data: &Path) -> PathBuf {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let server = server.signed_by(&key, &authority).expect("a certificate");
    std::fs::write(data.join("server.crt"), server.pem()).expect("a file");
    let private = data.join("server.key");
    std::fs::write(&private, key.serialize_pem()).expect("a file");
    let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&private, only_owner).expect("a file");
    let roots = std::env::temp_dir().join(format!("stream-postgres-roots-{}.pem", std::process::id()));
    std::fs::write(&roots, authority.pem()).expect("a file");
    roots
}

async fn session(config: PostgresConfig) -> stream_runtime::Result<Vec<Session>> {
    let sql = "SELECT ssl, coalesce(version, '') AS version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    StaticPostgres::query(config, sql)
        .retry(Retry::times(3).backoff(Duration::ZERO, Duration::ZERO))
        .load()
        .await
}

#[tokio::test]
async fn a_certificate_of_the_authority_for_the_name_is_accepted_and_no_other() {
    if !can_have_own() {
        return;
    }
    let started = tokio::task::spawn_blocking(|| {
        let mut roots = PathBuf::new();
        let server = Server::start(&["ssl=on"], |data| {
            roots = certificates(data);
            // Passwords are asked for, and sent bound to the channel.
            std::fs::write(
                data.join("pg_hba.conf"),
                "host all shop all scram-sha-256\nhost all all all trust\n",
            )
            .expect("a file");
        });
        (server, roots)
    });
    let (server, roots) = started.await.expect("no panic");
    let port = server.config.get_ports()[0];
    let (client, connection) = server
        .config
        .connect(stream_runtime::postgres::tokio_postgres::NoTls)
        .await
        .expect("the server can be reached");
    tokio::spawn(connection);
    client.batch_execute("CREATE ROLE shop LOGIN PASSWORD 's3cret'").await.expect("a role");

    let with = |host: &str, more: &str| {
        PostgresConfig::new(&format!(
            "host={host} hostaddr=127.0.0.1 port={port} user=shop dbname=postgres {more}"
        ))
    };
    let rows =
        session(with("localhost", "password=s3cret channel_binding=require").sslrootcert(&roots)).await;
    let rows = rows.expect("the certificate is the server's");
    assert!(rows[0].ssl && rows[0].version.starts_with("TLSv1."), "{rows:?}");

    let error = session(with("db.example", "password=s3cret").sslrootcert(&roots)).await;
    let text = error.expect_err("the name is another").to_string();
    assert!(!text.contains("gave up"), "{text}");
    assert!(text.contains("certificate not valid for name"), "{text}");

    let error = session(with("localhost", "password=s3cret sslmode=require")).await;
    let text = error.expect_err("nobody vouches for the authority").to_string();
    assert!(!text.contains("gave up"), "{text}");
    assert!(text.contains("UnknownIssuer") || text.contains("no certificates of authorities"), "{text}");

    let plain =
        session(with("localhost", "password=s3cret sslmode=disable")).await.expect("no TLS is asked for");
    assert!(!plain[0].ssl);

    let error = session(with("localhost", "sslmode=disable").password("wr0ng")).await;
    let text = error.expect_err("the password is wrong").to_string();
    assert!(!text.contains("gave up"), "{text}");
    assert!(text.contains("password authentication failed") && !text.contains("wr0ng"), "{text}");

    let missing = session(with("localhost", "").sslrootcert("/nowhere/roots.pem")).await;
    let text = missing.expect_err("the file is missing").to_string();
    assert!(!text.contains("gave up"), "{text}");
    assert!(text.contains("`sslrootcert` /nowhere/roots.pem"), "{text}");
    std::fs::remove_file(roots).expect("the file");
    tokio::task::spawn_blocking(move || drop(server)).await.expect("no panic");
}
