//! [`Properties`]: librdkafka's properties as a service gives them, without those that would break the contract.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;

use crate::error::{Error, Result};

/// A property that a service can't set, and why.
pub(crate) type Refusal = (&'static str, &'static str);

/// The properties of a client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Properties {
    servers: String,
    given: BTreeMap<String, String>,
}

impl Properties {
    pub(crate) fn new(servers: String) -> Self {
        Self { servers, given: BTreeMap::new() }
    }

    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }

    /// Sets a property; `kafka.` in front of its name, as Spark has it, may stand or not.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.given.insert(name.strip_prefix("kafka.").unwrap_or(name).to_owned(), value.to_owned());
    }

    /// The client's configuration: what was given, and `ours` on top.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a property in `refusals`.
    pub(crate) fn config(&self, refusals: &[Refusal], ours: &[(&str, &str)]) -> Result<ClientConfig> {
        if self.servers.is_empty() {
            return Err(Error::InvalidOption {
                option: "bootstrap_servers",
                message: "name at least one broker, such as `localhost:9092`".to_owned(),
            });
        }
        let mut config = ClientConfig::new();
        for (name, value) in &self.given {
            if let Some((_, reason)) = EVERYWHERE.iter().chain(refusals).find(|(refused, _)| refused == name)
            {
                return Err(Error::InvalidOption {
                    option: "option",
                    message: format!("`{name}` can't be set: {reason}"),
                });
            }
            config.set(name, value);
        }
        for (name, value) in ours {
            config.set(*name, *value);
        }
        config.set("bootstrap.servers", &self.servers);
        Ok(config)
    }
}

/// What neither the source nor the sink leaves to the service.
const EVERYWHERE: &[Refusal] = &[
    ("bootstrap.servers", "the brokers are named where the source or sink is made"),
    ("metadata.broker.list", "the brokers are named where the source or sink is made"),
];
