//! Who gets a host.

use std::collections::BTreeMap;

use super::*;

fn host(text: &str) -> Host {
    Host::try_from(text.to_owned()).unwrap()
}

fn claims(sites: &[(&str, &[&str])]) -> Claims {
    let mut claims = Claims { many: true, ..Claims::default() };
    for (site, hosts) in sites {
        let hosts: Vec<Host> = hosts.iter().map(|text| host(text)).collect();
        claims.ask(&(*site).into(), &hosts);
    }
    claims
}

fn given(mut claims: Claims, hosts: &[(&str, &str)]) -> Claims {
    claims.given = hosts.iter().map(|(text, site)| (host(text), (*site).into())).collect();
    claims
}

/// Some moment, and how long a host is kept after it.
const NOW: u64 = 1_800_000_000;
const KEPT: u64 = RELEASE_TIME.as_secs();

/// Who answers for each of these, after each of the refusals has been reported.
fn owners(claims: &mut Claims, hosts: &[&str]) -> Vec<String> {
    owners_at(claims, NOW, hosts)
}

fn owners_at(claims: &mut Claims, now: u64, hosts: &[&str]) -> Vec<String> {
    let owners = claims.assign(now);
    let of = |host: &&str| owners.of(host).map_or_else(|| "-".to_owned(), |site| site.to_string());
    hosts.iter().map(of).collect()
}

#[test]
fn a_folders_name_is_that_sites_in_any_order_and_by_any_spelling() {
    for wrong in ["victim", "VICTIM", "*.victim", "x.victim"] {
        for aaa in ["aaa", "zzz"] {
            let mut claims = claims(&[(aaa, &[aaa, wrong]), ("victim", &["victim"])]);
            let found = owners(&mut claims, &["victim", "x.victim", aaa]);
            assert_eq!(found, ["victim", "-", aaa], "{wrong}");
            assert_eq!(claims.reported.len(), 1, "{wrong}");
        }
    }
}

#[test]
fn a_wildcard_does_not_reach_a_neighbours_folder() {
    for hosts in [&["b.shop.com"][..], &["elsewhere.example"]] {
        let mut claims = claims(&[("aaa", &["*.shop.com"]), ("b.shop.com", hosts)]);
        let found = owners(&mut claims, &["b.shop.com", "x.b.shop.com", "other.shop.com"]);
        let own = if hosts == ["b.shop.com"] { "b.shop.com" } else { "-" };
        assert_eq!(found, [own, "-", "aaa"]);
    }
}

#[test]
fn a_top_level_domain_is_for_the_operator_to_give() {
    let asked = claims(&[("aaa", &["*.com", "*.aaa"]), ("b", &["b"])]);
    let mut claims = asked;
    assert_eq!(owners(&mut claims, &["shop.com", "x.aaa"]), ["-", "aaa"]);
    let mut claims = given(claims, &[("*.com", "aaa")]);
    assert_eq!(owners(&mut claims, &["shop.com"]), ["aaa"]);
}

#[test]
fn a_folder_below_another_is_its_own() {
    let mut claims = claims(&[("a.test", &["a.test", "*.a.test"]), ("x.a.test", &["x.a.test"])]);
    let found = owners(&mut claims, &["a.test", "x.a.test", "y.a.test"]);
    assert_eq!(found, ["a.test", "x.a.test", "a.test"]);
}

#[test]
fn a_site_that_has_a_host_keeps_it() {
    let mut claims = claims(&[("victim", &["www.shop.example", "*.cdn.example"])]);
    let hosts = ["www.shop.example", "a.cdn.example", "own.example"];
    assert_eq!(owners(&mut claims, &hosts), ["victim", "victim", "-"]);
    for wrong in ["www.shop.example", "*.cdn.example", "a.cdn.example", "*.a.cdn.example"] {
        claims.ask(&"aaa".into(), &[host(wrong), host("own.example")]);
        assert_eq!(owners(&mut claims, &hosts), ["victim", "victim", "aaa"], "{wrong}");
        let said = claims.reported.first().unwrap().to_string();
        assert!(said.contains(wrong) && said.contains("`victim`"), "{said}");
        assert!(said.contains("[tenants.sites]"), "{said}");
    }
    claims.ask(&"aaa".into(), &[host("*.shop.example")]);
    let hosts = ["www.shop.example", "new.shop.example", "a.cdn.example"];
    for _ in 0..2 {
        let found = owners(&mut claims, &hosts);
        assert_eq!(found, ["victim", "aaa", "victim"], "only what is left");
    }
    claims.forget("victim");
    claims.ask(&"aaa".into(), &[host("www.shop.example")]);
    let hosts = ["www.shop.example", "a.cdn.example"];
    assert_eq!(owners(&mut claims, &hosts), ["-", "-"]);
    assert_eq!(owners_at(&mut claims, NOW + KEPT, &hosts), ["aaa", "-"]);
}

#[test]
fn a_site_whose_settings_cannot_be_read_keeps_what_it_has() {
    let mut claims = claims(&[("victim", &["shop.example"])]);
    claims.assign(NOW);
    claims.asked.insert("victim".into(), None);
    claims.ask(&"aaa".into(), &[host("shop.example")]);
    assert_eq!(owners(&mut claims, &["shop.example"]), ["victim"]);
}

#[test]
fn nobody_gets_what_two_ask_for_at_once_until_one_gives_way() {
    let mut claims = claims(&[
        ("a", &["a", "shop.example", "only.a.example"]),
        ("b", &["b", "*.a.example"]),
        ("c", &["c", "shop.example"]),
    ]);
    let hosts = ["shop.example", "only.a.example", "a", "b", "c"];
    assert_eq!(owners(&mut claims, &hosts), ["-", "-", "a", "b", "c"]);
    assert_eq!(owners(&mut claims, &["new.a.example"]), ["b"]);
    claims.ask(&"b".into(), &[host("b")]);
    assert_eq!(owners(&mut claims, &hosts), ["-", "-", "a", "b", "c"], "`b` had the wildcard");
    assert_eq!(owners_at(&mut claims, NOW + KEPT, &hosts), ["-", "a", "a", "b", "c"]);
    claims.ask(&"a".into(), &[host("a")]);
    let found = owners_at(&mut claims, NOW + KEPT, &hosts);
    assert_eq!(found, ["c", "-", "a", "b", "c"], "nobody had it");
}

#[test]
fn what_the_operator_gives_goes_before_all_else() {
    let asked = claims(&[
        ("a", &["a", "shop.example", "*.other.example", "b"]),
        ("b", &["b", "x.other.example"]),
    ]);
    let mut claims =
        given(asked, &[("shop.example", "b"), ("*.other.example", "a"), ("gone.example", "none")]);
    let hosts = ["shop.example", "x.other.example", "b", "gone.example"];
    assert_eq!(owners(&mut claims, &hosts), ["b", "a", "b", "none"]);
    assert_eq!(claims.reported.len(), 3, "{:?}", claims.reported);
    let mut claims = given(claims, &[("b", "a")]);
    assert_eq!(owners(&mut claims, &["b"]), ["a"], "even a folder's name");
}

#[test]
fn a_given_host_falls_to_no_wildcard() {
    let asked = claims(&[("a", &["*.my.example"]), ("b", &["b"])]);
    let mut claims = given(asked, &[("shop.my.example", "b")]);
    assert_eq!(owners(&mut claims, &["shop.my.example", "x.my.example"]), ["b", "a"]);
}

#[test]
fn a_refusal_is_said_once() {
    let mut claims = claims(&[("aaa", &["victim"]), ("victim", &["victim"])]);
    claims.assign(NOW);
    let said = claims.reported.clone();
    assert!(!claims.ask(&"aaa".into(), &[host("victim")]), "it asks for the same");
    claims.assign(NOW);
    assert_eq!(claims.reported, said);
}

#[test]
fn the_record_is_what_a_restart_begins_with() {
    let folder = tempfile::tempdir().unwrap();
    let asked = |sites: &[(&str, &str)]| -> BTreeMap<String, Option<Vec<Host>>> {
        sites.iter().map(|(site, text)| ((*site).to_owned(), Some(vec![host(text)]))).collect()
    };
    let open =
        |sites: &[(&str, &str)]| Claims::of_many([], asked(sites), Record::open(folder.path()));
    let mut before = open(&[("victim", "shop.example")]);
    assert_eq!(owners(&mut before, &["shop.example"]), ["victim"]);
    let both = [("aaa", "shop.example"), ("victim", "shop.example")];
    assert_eq!(owners(&mut open(&both), &["shop.example"]), ["victim"]);
    std::fs::write(folder.path().join(".lithe/hosts.toml"), "this is = not [ right").unwrap();
    assert_eq!(owners(&mut open(&both), &["shop.example"]), ["-"]);
}

#[test]
fn of_many_refusals_of_a_site_some_are_said_with_how_many_there_are() {
    let hosts: Vec<String> = (0..500).map(|n| format!("a{n}.victim")).collect();
    let mut asked: Vec<&str> = hosts.iter().map(String::as_str).collect();
    asked.push("*.com");
    let claims = claims(&[("aaa", &asked), ("bbb", &["victim"]), ("victim", &["victim"])]);
    let (_, refused) = claims.decide(NOW);
    let none = BTreeSet::new();
    let said: Vec<_> = unreported(&refused, &none).collect();
    assert_eq!(said.len(), refusal::MAX_LOGGED + 2, "a broad one, a neighbour's, and many");
    assert_eq!(said.iter().map(|(_, more)| more).sum::<usize>(), 500 - refusal::MAX_LOGGED);
    assert_eq!(unreported(&refused, &refused).count(), 0, "nothing is reported twice");
}

#[test]
fn a_host_is_kept_for_a_site_that_comes_back() {
    let shop = ["shop.example"];
    for is_gone in [true, false] {
        let mut claims = claims(&[("victim", &shop)]);
        claims.assign(NOW);
        claims.ask(&"aaa".into(), &[host("shop.example")]);
        if is_gone {
            claims.forget("victim");
        } else {
            claims.ask(&"victim".into(), &[host("victim")]);
        }
        assert_eq!(owners(&mut claims, &shop), ["-"], "gone: {is_gone}");
        assert_eq!(owners_at(&mut claims, NOW + KEPT - 1, &shop), ["-"]);
        let said = claims.reported.first().unwrap().to_string();
        for words in ["site `victim`", "free from 2027-01-15T08:10:00Z on", "[tenants.sites]"] {
            assert!(said.contains(words), "{said}");
        }
        claims.ask(&"victim".into(), &[host("shop.example")]);
        assert_eq!(owners_at(&mut claims, NOW + KEPT - 1, &shop), ["victim"]);
        assert_eq!(owners_at(&mut claims, NOW + 2 * KEPT, &shop), ["victim"]);
    }
}

#[test]
fn a_host_that_is_not_asked_for_any_more_is_free_after_a_time() {
    let shop = ["shop.example"];
    let mut claims = claims(&[("victim", &shop)]);
    claims.assign(NOW);
    claims.forget("victim");
    claims.ask(&"aaa".into(), &[host("shop.example")]);
    claims.assign(NOW);
    assert!(!claims.is_due(NOW + KEPT - 1));
    assert!(claims.is_due(NOW + KEPT));
    // Also for the one that had it: both ask for what is free.
    claims.ask(&"victim".into(), &[host("shop.example")]);
    assert_eq!(owners_at(&mut claims, NOW + KEPT, &shop), ["-"]);
    claims.forget("victim");
    assert_eq!(owners_at(&mut claims, NOW + KEPT, &shop), ["aaa"]);
    assert!(!claims.is_due(u64::MAX));
    assert!(claims.held.values().all(|holding| &*holding.site == "aaa"), "{:?}", claims.held);
}

#[test]
fn a_folder_that_is_there_again_has_its_hosts_before_its_settings_are_read() {
    let mut claims = claims(&[("aaa", &["shop.example"]), ("victim", &[])]);
    claims.held = BTreeMap::from([(host("shop.example"), Holding::of(&"victim".into()))]);
    assert_eq!(owners(&mut claims, &["shop.example"]), ["-"]);
    claims.forget("victim");
    claims.assign(NOW);
    assert!(claims.announce(&["victim".into()]));
    assert!(!claims.announce(&["victim".into()]));
    assert_eq!(owners(&mut claims, &["shop.example"]), ["victim"]);
}

#[test]
fn a_folders_name_is_its_own_before_its_settings_are_read_and_while_it_is_away() {
    let hosts = ["later", "x.later"];
    let mut claims = claims(&[("aaa", &hosts)]);
    assert_eq!(owners(&mut claims, &hosts), ["aaa", "aaa"]);
    claims.announce(&["later".into()]);
    assert_eq!(owners(&mut claims, &hosts), ["-", "-"]);
    claims.ask(&"later".into(), &[host("later")]);
    assert_eq!(owners(&mut claims, &hosts), ["later", "-"]);
    claims.forget("later");
    assert_eq!(owners(&mut claims, &hosts), ["-", "-"]);
    assert_eq!(owners_at(&mut claims, NOW + KEPT, &hosts), ["aaa", "aaa"]);
}

#[test]
fn a_wildcard_of_the_same_site_takes_over_at_once() {
    let mut claims = claims(&[("a", &["x.a.example"])]);
    claims.assign(NOW);
    claims.ask(&"a".into(), &[host("*.a.example")]);
    assert_eq!(owners(&mut claims, &["x.a.example"]), ["a"]);
    assert_eq!(claims.held.len(), 1, "{:?}", claims.held);
}

#[test]
fn a_clock_that_is_set_back_keeps_no_host_for_longer() {
    let mut claims = claims(&[("victim", &["shop.example"])]);
    claims.assign(NOW);
    claims.forget("victim");
    claims.ask(&"aaa".into(), &[host("shop.example")]);
    claims.assign(NOW);
    assert_eq!(owners_at(&mut claims, 1000, &["shop.example"]), ["-"]);
    assert_eq!(owners_at(&mut claims, 1000 + KEPT, &["shop.example"]), ["aaa"]);
}

#[test]
fn a_site_that_names_others_all_the_time_keeps_some() {
    let mut claims = claims(&[]);
    for round in 0..3 {
        let hosts = (0..MAX_RELEASED / 2).map(|n| host(&format!("a{n}.r{round}.example")));
        claims.ask(&"aaa".into(), &hosts.collect::<Vec<_>>());
        claims.assign(NOW + round);
    }
    claims.ask(&"aaa".into(), &[]);
    claims.assign(NOW + 3);
    assert_eq!(claims.held.len(), MAX_RELEASED);
    assert!(!claims.held.contains_key(&host("a0.r0.example")), "the first goes first");
    assert!(claims.held.contains_key(&host("a0.r2.example")));
}

#[test]
fn addresses_and_localhost_are_for_the_operator_to_give() {
    let hosts = ["localhost", "127.0.0.1", "[::1]", "x.127.1", "x.0x1f", "b.0.0.1"];
    let wildcards = ["*.localhost", "*.0.0.1", "*.127.0.0.1"];
    let asked: Vec<&str> = hosts.iter().chain(&wildcards).copied().collect();
    let sites = claims(&[("aaa", &asked), ("10.0.0.1", &["10.0.0.1"])]);
    let mut claims = given(sites, &[("[::1]", "b")]);
    assert_eq!(owners(&mut claims, &hosts), ["-", "-", "b", "-", "-", "-"]);
    assert_eq!(owners(&mut claims, &["10.0.0.1"]), ["10.0.0.1"], "by its folder's name");
    assert_eq!(claims.reported.len(), asked.len());
    let mut claims = given(claims, &[("localhost", "aaa"), ("*.0.0.1", "aaa")]);
    assert_eq!(owners(&mut claims, &["localhost", "127.0.0.1"]), ["aaa", "aaa"]);
}

#[test]
fn what_is_kept_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let open = |sites: &[&str]| {
        let asked = sites.iter().map(|site| ((*site).to_owned(), Some(vec![host("shop.example")])));
        Claims::of_many([], asked.collect(), Record::open(folder.path()))
    };
    let shop = ["shop.example"];
    assert_eq!(owners(&mut open(&["victim"]), &shop), ["victim"]);
    // The folder is missing at the start: from then on the time runs, also over the next start.
    assert_eq!(owners(&mut open(&["aaa"]), &shop), ["-"]);
    let mut late = open(&["aaa"]);
    assert_eq!(owners_at(&mut late, NOW + KEPT - 1, &shop), ["-"]);
    assert_eq!(owners_at(&mut late, NOW + KEPT, &shop), ["aaa"]);
    assert_eq!(owners_at(&mut open(&["aaa", "victim"]), NOW + KEPT, &shop), ["aaa"]);
}
