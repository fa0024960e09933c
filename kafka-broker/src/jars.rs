//! Kafka's own jars, resolved by Maven and kept below `target/kafka`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Error, KAFKA, Result};

/// Writes the broker's log to its standard error; the version of the interface that Kafka is built with.
const LOGGING: &str = "1.7.36";

/// Whether Java and, unless the jars are there already, Maven can be run; if not, what is missing.
pub(crate) fn missing(home: &Path) -> Option<&'static str> {
    if !runs("java", "-version") {
        Some("Java 17 or later (Debian: default-jre-headless)")
    } else if !directory(home).exists() && !runs("mvn", "--version") {
        Some("Maven (Debian: maven)")
    } else {
        None
    }
}

/// Whether a program is there.
pub(crate) fn runs(program: &str, argument: &str) -> bool {
    let status = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// The class path of the broker; resolves the jars if they aren't there yet. The caller holds the lock on `home`.
pub(crate) fn class_path(home: &Path) -> Result<String> {
    let jars = directory(home);
    if !jars.exists() {
        resolve(home, &jars)?;
    }
    let pattern = jars.join("*");
    pattern.into_os_string().into_string().map_err(|path| {
        Error::new(format_args!("the path `{}` isn't UTF-8, which Java needs", Path::new(&path).display()))
    })
}

fn directory(home: &Path) -> PathBuf {
    home.join(format!("jars-{KAFKA}"))
}

fn resolve(home: &Path, jars: &Path) -> Result<()> {
    let project = home.join("jars-project");
    let partial = home.join("jars-partial");
    fs::create_dir_all(&project).map_err(Error::io("creating", &project))?;
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(Error::io("removing", &partial))?;
    }
    let pom = project.join("pom.xml");
    fs::write(&pom, project_model()).map_err(Error::io("writing", &pom))?;
    eprintln!("fetching Kafka {KAFKA} through Maven …");
    let output = Command::new("mvn")
        .args(["--batch-mode", "--quiet", "dependency:copy-dependencies", "-DincludeScope=runtime"])
        .arg(format!("-DoutputDirectory={}", partial.display()))
        .current_dir(&project)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::new(format_args!("running `mvn` failed: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        let reason = said.lines().find(|line| line.contains("ERROR")).unwrap_or("it gives no reason");
        return Err(Error::new(format_args!(
            "Maven could not resolve org.apache.kafka:kafka_2.13:{KAFKA}: {reason}"
        )));
    }
    fs::rename(&partial, jars).map_err(Error::io("renaming", &partial))
}

fn project_model() -> String {
    format!(
        r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>{LOGGING}</version>
    </dependency>
  </dependencies>
</project>
"#
    )
}
