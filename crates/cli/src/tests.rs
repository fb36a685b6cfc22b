//! The grammar parses; administration works over memory; the socket carries it.
//! No server is started here.
