//! Empty: the manifest beside it pins the source of NGINX.
