//! Where things are, under the variables of different machines.

use super::*;

#[test]
fn one_folder_holds_everything_under_portray_home() {
    let paths = Paths::of(&Environment::of(&[
        ("PORTRAY_HOME", "/tmp/p"),
        ("HOME", "/home/a"),
    ]))
    .unwrap();
    assert_eq!(paths.settings(), Path::new("/tmp/p/settings.toml"));
    assert_eq!(paths.socket(), Path::new("/tmp/p/run/agent.sock"));
    assert!(paths.keyring_service.starts_with("portray-"));
}

#[test]
#[cfg(target_os = "linux")]
fn follows_the_xdg_base_directories() {
    let environment = Environment::of(&[("HOME", "/home/a"), ("XDG_RUNTIME_DIR", "/run/user/7")]);
    let paths = Paths::of(&environment).unwrap();
    assert_eq!(paths.config, Path::new("/home/a/.config/portray"));
    assert_eq!(paths.state, Path::new("/home/a/.local/state/portray"));
    assert_eq!(paths.socket(), Path::new("/run/user/7/portray/agent.sock"));
    assert_eq!(paths.keyring_service, "portray");
}

#[test]
#[cfg(target_os = "macos")]
fn the_socket_stands_in_the_library_unless_its_path_would_be_too_long() {
    let socket = |home: &str| Paths::of(&Environment::of(&[("HOME", home)])).unwrap().socket();
    let beside = "/Users/a/Library/Application Support/Portray/Run/agent.sock";
    assert_eq!(socket("/Users/a"), Path::new(beside));
    let long = format!("/Users/{}", "a".repeat(60));
    assert!(!socket(&long).starts_with(&long));
}

#[test]
fn p3_without_a_home_says_what_to_set() {
    assert_eq!(Paths::of(&Environment::of(&[])), Err(EnvironmentError::NoHome));
}

#[test]
fn a_relative_portray_home_is_refused_and_an_empty_one_is_none() {
    let paths = |home| Paths::of(&Environment::of(&[("PORTRAY_HOME", home), ("HOME", "/home/a")]));
    for relative in ["portray", "./portray", "~/portray"] {
        assert_eq!(
            paths(relative),
            Err(EnvironmentError::RelativeHome(relative.to_owned()))
        );
    }
    assert_eq!(paths("").unwrap().keyring_service, "portray");
}

#[test]
#[cfg(unix)]
fn c4_awss_files_are_where_its_variables_say() {
    let config =
        |variables: &[(&str, &str)]| AwsFiles::of(&Environment::of(variables)).map(|files| files.config);
    let home = ("HOME", "/home/a");
    for (path, expected) in [
        ("", "/home/a/.aws/config"),
        ("/etc/aws", "/etc/aws"),
        ("~/work/config", "/home/a/work/config"),
        ("~b/config", "~b/config"),
    ] {
        let expected = std::path::absolute(expected).unwrap();
        assert_eq!(config(&[home, ("AWS_CONFIG_FILE", path)]).unwrap(), expected);
    }
    assert_eq!(config(&[]), Err(EnvironmentError::NoHome));
    assert_eq!(
        AwsFiles::of(&Environment::of(&[home])).unwrap().credentials,
        Path::new("/home/a/.aws/credentials")
    );
}

#[test]
fn a_test_endpoint_must_be_on_this_machine() {
    let endpoint = |url| Environment::of(&[("PORTRAY_ENDPOINT_URL", url)]).endpoint();
    assert!(endpoint("http://127.0.0.1:4567").unwrap().is_some());
    assert!(endpoint("http://[::1]:4567").unwrap().is_some());
    for refused in [
        "http://127.0.0.1.example.com",
        "https://example.com",
        "file:///etc",
        "nonsense",
    ] {
        assert_eq!(
            endpoint(refused),
            Err(EnvironmentError::Endpoint(refused.to_owned()))
        );
    }
}

#[test]
fn k3_where_sign_ins_are_kept_is_said_by_one_variable_and_never_guessed() {
    let store = |value| Environment::of(&[("PORTRAY_SECRET_STORE", value)]).secret_store();
    assert_eq!(Environment::of(&[]).secret_store(), Ok(SecretStore::Keyring));
    for (value, expected) in [
        ("", SecretStore::Keyring),
        ("keyring", SecretStore::Keyring),
        ("memory", SecretStore::Memory),
        ("file", SecretStore::File),
    ] {
        assert_eq!(store(value), Ok(expected));
    }
    for other in ["plain", "File", "file ", "/tmp/file"] {
        assert_eq!(store(other), Err(EnvironmentError::SecretStore(other.to_owned())));
    }
}

#[test]
fn n2_files_that_variables_name_by_a_relative_path_are_those_of_this_process() {
    let environment = Environment::of(&[
        ("AWS_CA_BUNDLE", "certificates/company.pem"),
        ("AWS_CONFIG_FILE", "~/work/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", ""),
        (
            "SSL_CERT_FILE",
            if cfg!(windows) {
                r"C:\roots.pem"
            } else {
                "/roots.pem"
            },
        ),
    ]);
    let here = std::env::current_dir().unwrap();
    let expected = here.join("certificates/company.pem");
    assert_eq!(environment.relative_files(), [("AWS_CA_BUNDLE", expected)]);
}
