//! An HTTP/1.1, HTTP/2 and HTTP/3 client that says what it saw and judges nothing.
