use std::env;

use once_cell::sync::Lazy;

/// Base address of the currency service; see `QUOTES_DOC_ONLY` in the manual.
pub static CURRENCY_URL: Lazy<String> =
    Lazy::new(|| env::var("CURRENCY_URL").unwrap_or_else(|_| "http://currency:7001".to_string()));

pub fn required(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} must be set"))
}

#[derive(Clone, Debug)]
pub struct Config {
    pub database_url: String,
    pub stock_addr: String,
    pub port: u16,
}

impl Config {
    pub fn from_env() -> Self {
        Self {
            database_url: required("QUOTES_DATABASE_URL"),
            stock_addr: env::var("QUOTES_STOCK_ADDR").expect("QUOTES_STOCK_ADDR"),
            port: option_env("QUOTES_PORT").and_then(|p| p.parse().ok()).unwrap_or(8084),
        }
    }
}

fn option_env(name: &str) -> Option<String> {
    env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_is_none() {
        assert!(option_env("QUOTES_TEST_ABSENT").is_none());
    }
}
