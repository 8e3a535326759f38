//! Which pattern matches a path, with what parameters.

use super::{get, table};

const CASES: &[(&[&str], &str, &str)] = &[
    (&["/users/:id", "/users/all"], "/users/all", "/users/all"),
    (&["/users/:id", "/users/all"], "/users/42", "/users/:id id=42"),
    (&["/users/:id", "/users/all"], "//users///42/", "/users/:id id=42"),
    (&["/users/profile"], "/users/team/../profile", "/users/profile"),
    (&["/users/:id/items/:itemId"], "/users/42/items/7", "/users/:id/items/:itemId id=42 itemId=7"),
    (&["/files/:name.:ext"], "/files/readme.md", "/files/:name.:ext name=readme ext=md"),
    (&[r"/users/:id(\d+)"], "/users/42", r"/users/:id(\d+) id=42"),
    (&[r"/users/:id(\d+)"], "/users/nope", "404"),
    (&["/users/:id?"], "/users", "/users/:id?"),
    (&["/users/:id?"], "/users/42", "/users/:id? id=42"),
    (&["/files/:path+"], "/files", "404"),
    (&["/files/:path+"], "/files/a/b", "/files/:path+ path=a/b"),
    (&["/assets/:rest*"], "/assets", "/assets/:rest* rest="),
    (&["/assets/:rest*"], "/assets/a/b", "/assets/:rest* rest=a/b"),
    (&["/users/*"], "/users/a", "/users/* 0=a"),
    (&["/users/*"], "/users/a/b", "404"),
    (&["/teams/*/members"], "/teams/core/members", "/teams/*/members 0=core"),
    (&["/files/file-*-*.png"], "/files/file-a-b.png", "/files/file-*-*.png 0=a 1=b"),
    (&["/files/file-*-*.png"], "/files/file--.png", "/files/file-*-*.png 0= 1="),
    (&["/users/**:wildcard"], "/users/a/b", "/users/**:wildcard wildcard=a/b"),
    (&["/users/**:wildcard"], "/users", "404"),
    (&["/files/**"], "/files/a/b/c", "/files/** _=a/b/c"),
    (&["/files/**"], "/files", "/files/**"),
    // Its router has these beside the listed ones.
    (&["users/./profile/"], "/users/profile", "users/./profile/"),
    (&["/users/../root"], "/root", "/users/../root"),
    (&[r"/path/(\d+)/(\w+)"], "/path/123/abc", r"/path/(\d+)/(\w+) 0=123 1=abc"),
    (&[r"/path/(\d+)/(\w+)"], "/path/123/!", "404"),
    (&[r"/v\:1/users"], "/v:1/users", r"/v\:1/users"),
    (&[r"/files/\*"], "/files/*", r"/files/\*"),
    (&[r"/files/:name([^/]+)/x"], "/files/a/x", r"/files/:name([^/]+)/x name=a"),
    (&[r"/a\/b"], "/a%2Fb", r"/a\/b"),
    (&["/users/:id", "/users/**", "/users/all"], "/users/42/extra", "/users/** _=42/extra"),
    (&["/users/*", "/users/:id", "/**"], "/users/42", "/users/:id id=42"),
    (&["/users/:id?", "/users"], "/users", "/users"),
];

#[test]
fn portable_cases() {
    for (patterns, path, expected) in CASES {
        assert_eq!(get(&table(patterns), path), *expected, "{patterns:?} | {path}");
    }
}
