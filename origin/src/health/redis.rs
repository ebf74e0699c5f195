//! Redis' protocol, as far as `PING` needs it.

use origin_config::Service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::wire::{Wire, broken, open, password};

/// Logs in where that is asked for, and pings.
pub(super) async fn check(service: &Service) -> Result<(), String> {
    let mut wire = open(service).await?;
    if let Some(password) = password(service.password_file.as_deref()).await? {
        let user = service.user.as_deref();
        let words = ["AUTH"].into_iter().chain(user).chain([password.as_str()]);
        let said = ask(&mut wire, &command(words)).await?;
        if said != "+OK" {
            return Err(format!(
                "the login was answered with `{}`",
                said.escape_debug()
            ));
        }
    }
    let said = ask(&mut wire, &command(["PING"])).await?;
    if said == "+PONG" {
        Ok(())
    } else {
        Err(format!(
            "`PING` was answered with `{}`",
            said.escape_debug()
        ))
    }
}

/// A command as an array of bulk strings: a password may hold any byte.
fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let words: Vec<&str> = words.into_iter().collect();
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

/// Sends a command; the first line of its answer.
async fn ask(wire: &mut Wire, command: &[u8]) -> Result<String, String> {
    wire.write_all(command)
        .await
        .map_err(|error| broken(&error))?;
    wire.flush().await.map_err(|error| broken(&error))?;
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        if line.len() == LONGEST_LINE {
            return Err("its answer is no line of Redis' protocol".to_owned());
        }
        line.push(wire.read_u8().await.map_err(|error| broken(&error))?);
    }
    line.truncate(line.len() - 2);
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Far longer than any error that Redis has for a `PING`.
const LONGEST_LINE: usize = 512;
