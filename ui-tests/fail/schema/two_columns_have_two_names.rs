use stream_runtime::prelude::*;

#[derive(Schema)]
#[schema(rename_all = "camelCase")]
struct Click {
    user_id: String,
    #[schema(rename = "userId")]
    user: String,
}

fn main() {}
