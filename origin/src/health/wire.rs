//! Connections to dependencies, in clear or over TLS.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use origin_config::{Service, Web};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A connection.
pub(super) type Wire = Pin<Box<dyn Io>>;

/// What can be read and written.
pub(super) trait Io: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Io for T {}

/// A connection in clear.
pub(super) async fn connect(host: &str, port: u16) -> Result<TcpStream, String> {
    let stream = TcpStream::connect((host, port)).await;
    let stream =
        stream.map_err(|error| format!("cannot connect to `{host}`, port {port}: {error}"))?;
    // The requests are small and each waits for its answer.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// A connection as the service wants it.
pub(super) async fn open(service: &Service) -> Result<Wire, String> {
    let (host, port) = (service.address.host(), service.address.port());
    let stream = connect(&host, port).await?;
    if !service.tls {
        return Ok(Box::pin(stream));
    }
    secure(stream, &host, service.ca_file.as_deref()).await
}

/// The first line of a password file, read anew each time: a password that is changed needs no restart.
pub(super) async fn password(file: Option<&Path>) -> Result<Option<String>, String> {
    let Some(file) = file else {
        return Ok(None);
    };
    let text = tokio::fs::read_to_string(file).await;
    let text = text.map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
}

/// What the end of a connection says to a person.
pub(super) fn broken(error: &io::Error) -> String {
    match error.kind() {
        // Which of them it is depends on who was faster.
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => "it closed the connection".to_owned(),
        _ => format!("the connection broke: {error}"),
    }
}

/// A connection to the host of a page.
pub(super) async fn to(web: &Web) -> Result<Wire, String> {
    let authority = web.url.authority();
    let usual = if web.url.is_tls() { 443 } else { 80 };
    let (host, port) = (authority.host(), authority.port().unwrap_or(usual));
    let stream = connect(&host, port).await?;
    if web.url.is_tls() {
        secure(stream, &host, web.ca_file.as_deref()).await
    } else {
        Ok(Box::pin(stream))
    }
}

async fn secure(stream: TcpStream, host: &str, ca_file: Option<&Path>) -> Result<Wire, String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("`{host}` is no name for TLS"))?;
    let config = crate::tls::client(ca_file)?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let stream = connecting
        .await
        .map_err(|error| format!("no TLS: {error}"))?;
    Ok(Box::pin(stream))
}
