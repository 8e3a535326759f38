compile_error!("files of folders that begin with `_` are not routes");
