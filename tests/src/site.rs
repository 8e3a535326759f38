//! A site in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use toml::Table;

/// The folders that make a folder a site.
const PARTS: [&str; 4] = ["routes", "plugins", "middleware", "public"];

/// The settings of a site whose test does not set them: no test fails by a time that it is not
/// about, however busy the machine is. Settings that are not times have their defaults.
const GENEROUS: &str = r#"
[limits]
event_cpu = "1m"
request_cpu = "1m"
request_time = "10m"
close_time = "20s"
ping_interval = "10m"
pong_time = "10m"
idle_after = "10m"

[server]
header_time = "10m"
body_time = "10m"
write_time = "10m"
shutdown_time = "10m"

[swap]
watch_time = "10m"
"#;

/// The folder is removed when this is dropped.
#[derive(Debug)]
pub struct Site {
    parent: TempDir,
}

impl Default for Site {
    fn default() -> Self {
        let parent = tempfile::tempdir().expect("a temporary folder can be made");
        let site = Self { parent };
        fs::create_dir(site.folder()).expect("the folder is empty");
        site
    }
}

impl Site {
    /// Its name is the site's: `site`.
    pub fn folder(&self) -> PathBuf {
        self.parent.path().join("site")
    }

    /// # Panics
    /// The file cannot be written.
    pub fn write(&self, file: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.folder().join(file);
        assert!(path.starts_with(self.folder()), "{}: not in the site", path.display());
        fs::create_dir_all(path.parent().expect("it is in the site")).expect("folders can be made");
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// # Panics
    /// The link cannot be made.
    pub fn link(&self, name: &str, target: &str) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().expect("it is in the site")).expect("folders can be made");
        std::os::unix::fs::symlink(target, &path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// # Panics
    /// The file cannot be removed.
    pub fn remove(&self, file: &str) {
        let path = self.folder().join(file);
        fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// # Panics
    /// The folder cannot be removed.
    pub fn remove_folder(&self, folder: &str) {
        let path = self.folder().join(folder);
        fs::remove_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// # Panics
    /// The file cannot be copied.
    pub fn copy(&self, file: &str, from: &Path) {
        let content = fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        self.write(file, content);
    }

    /// Writes the settings of the site in this folder of the folder (`""` is the folder itself)
    /// while they are served: generous, as they were at the start.
    ///
    /// # Panics
    /// The file cannot be written.
    pub fn configure(&self, folder: &str, text: &str) {
        let file = Path::new(folder).join("lithe.toml");
        let sections: &[&str] = match folder {
            "" => &["limits", "server", "swap"],
            // Among several sites, the listener's settings are the host's.
            _ => &["limits", "swap"],
        };
        self.write(file, generous(text, sections));
    }

    /// Adds generous times to what the settings leave out: those of the site, or of each site and
    /// of the folder that they are in.
    pub(crate) fn be_generous(&self) {
        let root = self.folder();
        let is_site = |folder: &Path| PARTS.iter().any(|part| folder.join(part).is_dir());
        let is_text = |file: &Path| {
            let metadata = fs::symlink_metadata(file);
            metadata.map_or(true, |metadata| metadata.is_file() && metadata.len() < 1 << 20)
        };
        let settings =
            |folder: &Path| fs::read_to_string(folder.join("lithe.toml")).unwrap_or_default();
        let entries = fs::read_dir(&root).expect("the site's folder is there");
        let folders = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let sites: Vec<String> = folders.filter(|name| is_site(&root.join(name))).collect();
        if is_site(&root) || sites.is_empty() {
            self.configure("", &settings(&root));
            return;
        }
        self.write("lithe.toml", generous(&settings(&root), &["server"]));
        // A file that is not text is what its test is about.
        for name in sites.into_iter().filter(|name| is_text(&root.join(name).join("lithe.toml"))) {
            self.configure(&name, &settings(&root.join(&name)));
        }
    }
}

/// Adds what [`GENEROUS`] has in these sections and the text does not. Invalid text stays as it is,
/// because the test is about that.
fn generous(text: &str, sections: &[&str]) -> String {
    let Ok(mut settings) = text.parse::<Table>() else { return text.to_owned() };
    let additions: Table = GENEROUS.parse().expect("it is TOML");
    for (name, section) in additions.iter().filter(|(name, _)| sections.contains(&name.as_str())) {
        let own = settings.entry(name).or_insert_with(|| Table::new().into());
        let (Some(own), Some(section)) = (own.as_table_mut(), section.as_table()) else { continue };
        for (key, value) in section {
            own.entry(key).or_insert_with(|| value.clone());
        }
    }
    settings.to_string()
}
