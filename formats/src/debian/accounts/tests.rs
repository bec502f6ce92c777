use super::*;
use crate::{MemoryBlobs, Tree};

fn root_with<'b>(blobs: &'b MemoryBlobs, files: &[(&str, &str)]) -> Root<'b> {
    let mut root = Root::new(Tree::default(), blobs, 5 * SECONDS_OF_A_DAY + 3);
    for (path, text) in files {
        root.write_text(path, *text).unwrap();
    }
    root
}

fn package(name: &str, postinst: &str) -> Package {
    let stanza = format!("Package: {name}\nVersion: 1\nArchitecture: all\n");
    let script = crate::Extents::from_bytes(postinst.to_owned());
    Package::new(stanza, BTreeMap::from([("postinst".to_owned(), script)])).unwrap()
}

fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        group: name.to_owned(),
        home_directory: format!("/home/{name}"),
        shell: "/bin/bash".to_owned(),
        ..User::default()
    }
}

const MASTERS: [(&str, &str); 2] = [
    ("/usr/share/base-passwd/passwd.master", "root:*:0:0:root:/root:/bin/bash\n"),
    ("/usr/share/base-passwd/group.master", "root:*:0:\nshadow:*:42:\nusers:*:100:\n"),
];

#[test]
fn packages_bring_their_users() {
    let blobs = MemoryBlobs::new();
    let mut root = root_with(&blobs, &MASTERS);
    root.write_text("/usr/lib/sysusers.d/a.conf", "u bus - \"Bus\"\n").unwrap();
    root.write_text("/usr/lib/sysusers.d/b.conf", "u! net -\n").unwrap();
    let packages = [
        package("bus", "adduser --system --group --no-create-home --home /nonexistent bus\n"),
        package("net", "systemd-sysusers b.conf\n"),
        package("openssh-client", ""),
    ];
    let accounts = accounts(&mut root, &packages, &[], &[]).unwrap();
    assert_eq!((accounts.uid("net"), accounts.uid("bus"), accounts.gid("_ssh")), (Some(999), Some(100), Some(102)));
    assert_eq!(
        root.text("/etc/passwd").unwrap().unwrap(),
        "root:x:0:0:root:/root:/bin/bash\nnet:x:999:999::/:/usr/sbin/nologin\nbus:x:100:101::/nonexistent:/usr/sbin/nologin\n"
    );
    assert_eq!(root.text("/etc/shadow").unwrap().unwrap(), "root:*:5:0:99999:7:::\nnet:!*:5:::::1:\nbus:!:5::::::\n");
    assert_eq!(
        root.text("/etc/gshadow").unwrap().unwrap(),
        "root:*::\nshadow:*::\nusers:*::\nnet:!*::\nbus:!::\n_ssh:!::\n"
    );
    assert_eq!(Accounts::of(&root).unwrap(), accounts);
}

/// Whatever a package calls its users, no line becomes two and no field two.
#[test]
fn fields_that_would_make_others_are_refused() {
    let blobs = MemoryBlobs::new();
    let mut root = root_with(&blobs, &MASTERS);
    let declared = "u a:0 5\nu b 6 \"x:y\"\nu c 7 - /a:b\ng d:x:0\nm e,f users\nu good 8 \"Good one\" /run\n";
    root.write_text("/usr/lib/sysusers.d/a.conf", declared).unwrap();
    let calls = "useradd -r -c 'x\ny::0:0::/:/bin/sh' one\naddgroup --system 'two:x:0:'\nadduser --system --group ''\n";
    let accounts = accounts(&mut root, &[package("bad", calls)], &[], &[]).unwrap();
    let passwd = "root:x:0:0:root:/root:/bin/bash\ngood:x:8:8:Good one:/run:/usr/sbin/nologin\n";
    assert_eq!(root.text("/etc/passwd").unwrap().unwrap(), passwd);
    assert!(!root.text("/etc/group").unwrap().unwrap().contains("two"));
    assert_eq!(Accounts::of(&root).unwrap(), accounts);
}

/// As in the script of `uuid-runtime`: who is made by a call stays as the call made it.
#[test]
fn calls_before_that_of_sysusers_go_first() {
    let blobs = MemoryBlobs::new();
    let mut root = root_with(&blobs, &MASTERS);
    root.write_text("/usr/lib/sysusers.d/a.conf", "u maker - \"Maker\" /var/lib/maker\nu further - -\n").unwrap();
    let script = "addgroup --system maker\n\
                  adduser --system --ingroup maker --home /run/maker --no-create-home maker\n\
                  systemd-sysusers a.conf\n\
                  adduser --system --no-create-home further\n";
    accounts(&mut root, &[package("maker", script)], &[], &[]).unwrap();
    assert_eq!(
        root.text("/etc/passwd").unwrap().unwrap(),
        "root:x:0:0:root:/root:/bin/bash\nmaker:x:100:101::/run/maker:/usr/sbin/nologin\n\
         further:x:999:999::/:/usr/sbin/nologin\n"
    );
}

#[test]
fn declared_users_come_last_and_override() {
    let blobs = MemoryBlobs::new();
    let mut root = root_with(&blobs, &MASTERS);
    root.write_text("/etc/skel/.profile", "skel").unwrap();
    root.directory("/etc/skel/bin", 0o750, Owner::ROOT).unwrap();
    let root_user = User {
        password: Some("$6$x$y".to_owned()),
        home_directory: "/root".to_owned(),
        shell: "/bin/sh".to_owned(),
        ..user("root")
    };
    let alice = User { creates_home: true, supplementary_groups: vec!["users".to_owned()], ..user("alice") };
    let bob = User { uid: Some(1000), group: "staff".to_owned(), ..user("bob") };
    let groups = [Group { name: "staff".to_owned(), id: None }];
    let accounts = accounts(&mut root, &[], &[root_user, alice, bob], &groups).unwrap();
    assert_eq!(
        root.text("/etc/passwd").unwrap().unwrap(),
        "root:x:0:0::/root:/bin/sh\nalice:x:1001:1001::/home/alice:/bin/bash\nbob:x:1000:1000::/home/bob:/bin/bash\n"
    );
    assert_eq!(root.text("/etc/group").unwrap().unwrap().lines().nth(2), Some("users:x:100:alice"));
    assert_eq!((accounts.gid("staff"), accounts.uid("alice")), (Some(1000), Some(1001)));
    assert_eq!(root.text("/etc/shadow").unwrap().unwrap().lines().next(), Some("root:$6$x$y:5:0:99999:7:::"));
    assert_eq!(root.text("/etc/subuid").unwrap().unwrap(), "alice:100000:65536\nbob:165536:65536\n");
    assert_eq!(root.text("/home/alice/.profile").unwrap().as_deref(), Some("skel"));
    assert_eq!(root.owner("/home/alice/bin"), Some(Owner { uid: 1001, gid: 1001 }));
    assert_eq!(root.mode("/home/alice"), Some(0o700));
    assert!(!root.exists("/home/bob"));
}

#[test]
fn mistakes_name_the_user_and_the_group() {
    let check = |users: &[User], groups: &[Group], expected: &str| {
        let blobs = MemoryBlobs::new();
        let error = accounts(&mut root_with(&blobs, &MASTERS), &[], users, groups).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let group = |name: &str, id| Group { name: name.to_owned(), id };
    let unknown = User { group: "none".to_owned(), ..user("a") };
    check(&[unknown], &[], "user `a` is to be in group `none`, which there is not");
    let unknown = User { supplementary_groups: vec!["wheel".to_owned()], ..user("a") };
    check(&[unknown], &[], "user `a` is to be in group `wheel`, which there is not");
    let twice = [User { uid: Some(5), ..user("a") }, User { uid: Some(5), ..user("b") }];
    check(&twice, &[], "user `b` cannot have the number 5: user `a` has it");
    check(&[], &[group("x", Some(42))], "group `x` cannot have the number 42: group `shadow` has it");
    let broken = User { comment: "a:b".to_owned(), ..user("a") };
    check(&[broken], &[], "account `a` cannot be written: `a:b` does not fit into a line");
}
