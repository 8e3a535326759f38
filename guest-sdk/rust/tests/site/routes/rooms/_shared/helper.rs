compile_error!("files of folders that begin with `_` are no routes");
