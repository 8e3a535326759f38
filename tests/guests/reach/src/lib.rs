//! Reaches for what is not its own: `?env` answers its environment and arguments, `?print=NAME`
//! prints a variable, `?read=PATH`, `?list=PATH`, `?write=PATH` and `?remove=PATH` go to files,
//! `?connect=ADDRESS` and `?listen` to the network. What is refused is answered 403 with the
//! reason.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::{env, fs, io};

use lithe_sdk::{Event, Response, Result, json};

#[lithe_sdk::handler]
fn reach(event: Event) -> Result<Response> {
    let asked = |word: &str| event.query_param_str(word);
    if asked("env").is_some() {
        let variables: Vec<(String, String)> = env::vars().collect();
        return Response::json(
            &json!({ "env": variables, "args": env::args().collect::<Vec<_>>() }),
        );
    }
    if let Some(name) = asked("print") {
        println!("it is {}", env::var(name)?);
        return Ok(Response::text("printed"));
    }
    let reached = if let Some(path) = asked("read") {
        fs::read_to_string(path)
    } else if let Some(path) = asked("list") {
        list(&path)
    } else if let Some(path) = asked("write") {
        fs::write(path, "written").map(|()| "written".to_owned())
    } else if let Some(path) = asked("remove") {
        fs::remove_file(path).map(|()| "removed".to_owned())
    } else if let Some(address) = asked("connect") {
        TcpStream::connect(address).map(|_| "connected".to_owned())
    } else if asked("listen").is_some() {
        TcpListener::bind("127.0.0.1:0").map(|_| "listening".to_owned())
    } else if asked("udp").is_some() {
        UdpSocket::bind("127.0.0.1:0").map(|_| "bound".to_owned())
    } else {
        Ok("nothing was asked for".to_owned())
    };
    Ok(match reached {
        Ok(text) => Response::text(text),
        Err(error) => Response::text(error.to_string()).with_status(403),
    })
}

fn list(path: &str) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lithe_sdk::testing::TestEvent;

    #[test]
    fn what_is_refused_is_answered_403() {
        assert_eq!(TestEvent::get("/").call(reach).status(), 200);
        assert_eq!(TestEvent::get("/?read=/no/such/file").call(reach).status(), 403);
    }
}
