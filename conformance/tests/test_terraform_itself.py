"""Terraform and its provider themselves, where both are installed: create, plan without a difference, change, import, destroy.

Nothing here is needed: without them `test_terraform.py` replays what they send. `TIDEGATE_TF_PLUGINS` names a folder with
the provider (a filesystem mirror, such as `terraform providers mirror` makes). Where it is not set these tests are
skipped; where it is, everything that is missing or goes wrong is a failure.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.flows import Bucket
from support.server import ACCESS_KEY_ID, ACCOUNT, REGION, SECRET

PLUGINS = os.environ.get("TIDEGATE_TF_PLUGINS")
PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                      = "%s"
  access_key                  = "%s"
  secret_key                  = "%s"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  max_retries                 = 1
  endpoints {
    appflow = "%s"
  }
}
"""


class Terraform:
    """One working folder."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.env = {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "TF_CLI_ARGS": "-no-color", "TF_CLI_CONFIG_FILE": str(folder / "terraform.rc")}
        mirror = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{PLUGINS}"\n  }}\n}}\n'
        (folder / "terraform.rc").write_text(mirror)
        (folder / "provider.tf").write_text(PROVIDER % (REGION, ACCESS_KEY_ID, SECRET, server.url))
        self("init", "-input=false")

    def __call__(self, *arguments, check=True):
        done = subprocess.run(["terraform", *arguments], cwd=self.folder, env=self.env, capture_output=True,
                              text=True, timeout=240, stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def apply(self, config):
        """Applies a configuration; the plan afterwards must be empty. Gives what has changed, by address."""
        (self.folder / "main.tf").write_text(config)
        self("plan", "-input=false", "-out=plan")
        planned = json.loads(self("show", "-json", "plan").stdout)
        self("apply", "-input=false", "plan")
        again = self("plan", "-input=false", "-detailed-exitcode", check=False)
        assert again.returncode == 0, "not empty:\n" + again.stdout + again.stderr
        return {change["address"]: change["change"]["actions"] for change in planned["resource_changes"]}

    def imported(self, address, identifier):
        """Forgets a resource, imports it, and plans: nothing to do."""
        self("state", "rm", address)
        self("import", "-input=false", address, identifier)
        return self("plan", "-input=false", "-detailed-exitcode", check=False)

    def destroy(self):
        self("destroy", "-input=false", "-auto-approve")


@pytest.fixture
def terraform(live, tmp_path):
    if not PLUGINS:
        pytest.skip("TIDEGATE_TF_PLUGINS is not set, so Terraform itself is not tested")
    assert shutil.which("terraform"), "TIDEGATE_TF_PLUGINS is set, and Terraform is not installed"
    assert Path(PLUGINS).is_dir(), f"TIDEGATE_TF_PLUGINS names {PLUGINS}, which is no folder"
    return Terraform(tmp_path, live)


SCHEDULED = """
  trigger_config {
    trigger_type = "Scheduled"
    trigger_properties {
      scheduled {
        %s
      }
    }
  }"""
PROJECTED = """
  task {
    source_fields     = ["testField", "other"]
    destination_field = ""
    task_type         = "Filter"
    connector_operator {
      s3 = "PROJECTION"
    }
  }
  task {
    source_fields     = ["testField"]
    destination_field = "testField"
    task_type         = "Map"
    connector_operator {
      s3 = "NO_OP"
    }
  }
  task {
    source_fields     = ["other"]
    destination_field = "Other"
    task_type         = "Map"
    task_properties   = { SOURCE_DATA_TYPE = "CSV", DESTINATION_DATA_TYPE = "CSV" }
    connector_operator {
      s3 = "NO_OP"
    }
  }"""
ALL = """
  task {
    task_type = "Map_all"
    task_properties = { DESTINATION_DATA_TYPE = "id", SOURCE_DATA_TYPE = "id" }
    connector_operator {
      s3 = "NO_OP"
    }
  }"""
PARQUET = """
        s3_output_format_config {
          file_type                   = "PARQUET"
          preserve_source_data_typing = %s
          aggregation_config {
            aggregation_type = "None"
          }
          prefix_config {
            prefix_type           = "PATH_AND_FILENAME"
            prefix_format         = "HOUR"
            prefix_hierarchy      = ["SCHEMA_VERSION", "EXECUTION_ID"]
          }
        }"""


def a_flow(name, bucket, *, more="", output="", tasks=PROJECTED, trigger):
    return f"""
resource "aws_appflow_flow" "test" {{
  name = "{name}"
  {more}
  source_flow_config {{
    connector_type = "S3"
    source_connector_properties {{
      s3 {{
        bucket_name   = "{bucket}"
        bucket_prefix = "flow"
      }}
    }}
  }}
  destination_flow_config {{
    connector_type = "S3"
    destination_connector_properties {{
      s3 {{
        bucket_name = "{bucket}"
        {output}
      }}
    }}
  }}
  {tasks}
  {trigger}
}}
"""


def test_a_flow_lives(live, terraform, name):
    bucket = Bucket(live, f"tf-itself-{name}")
    bucket.put("flow_source.csv", "testField,other\n1,2\n")
    address, on_demand = "aws_appflow_flow.test", '\n  trigger_config {\n    trigger_type = "OnDemand"\n  }'
    every = SCHEDULED % 'schedule_expression = "rate(3hours)"\n data_pull_mode = "Incremental"\n schedule_start_time = "2033-05-18T03:33:20Z"'
    day = SCHEDULED % ('schedule_expression = "rate(1days)"\n data_pull_mode = "Complete"\n schedule_start_time = "2033-05-18T03:33:20Z"\n'
                       'schedule_end_time = "2034-01-01T00:00:00Z"\n first_execution_from = "2023-11-14T22:13:20Z"\n schedule_offset = 60\n'
                       'timezone = "Europe/Berlin"')
    glue = ('metadata_catalog_config {\n glue_data_catalog {\n database_name = "none"\n table_prefix = "t"\n'
            f' role_arn = "arn:aws:iam::{ACCOUNT}:role/glue"\n }}\n }}')
    steps = [
        a_flow(name, bucket.name, trigger=on_demand),
        a_flow(name, bucket.name, trigger=on_demand, more='description = "Some, more"\n tags = { a = "b", c = "" }'),
        a_flow(name, bucket.name, trigger=every, output=PARQUET % "true", more='tags = { a = "changed" }'),
        a_flow(name, bucket.name, trigger=day, output=PARQUET % "false", tasks=ALL, more=glue),
    ]
    for number, step in enumerate(steps):
        assert terraform.apply(step) == {address: ["create"] if number == 0 else ["update"]}, step
    arn = f"arn:aws:appflow:{REGION}:{ACCOUNT}:flow/{name}"
    again = terraform.imported(address, arn)
    assert again.returncode == 0, again.stdout + again.stderr
    # Somebody else deletes it: the plan is to make it anew.
    live.boto().delete_flow(flowName=name)
    assert terraform.apply(steps[0]) == {address: ["create"]}
    terraform.destroy()
    with pytest.raises(live.boto().exceptions.ClientError, match="ResourceNotFoundException"):
        live.boto().describe_flow(flowName=name)


def test_a_profile_lives(live, terraform, sap, name):
    address = "aws_appflow_connector_profile.test"

    def config(**properties):
        more = "\n".join(f'{key} = "{value}"' for key, value in properties.items())
        return f"""
resource "aws_appflow_connector_profile" "test" {{
  name            = "{name}"
  connector_type  = "Redshift"
  connection_mode = "Public"
  connector_profile_config {{
    connector_profile_credentials {{
      redshift {{
        username = "testusername"
        password = "testPassword1!"
      }}
    }}
    connector_profile_properties {{
      redshift {{
        bucket_name  = "tf-bucket"
        database_url = "jdbc:redshift://cluster.example.com:5439/dev"
        role_arn     = "arn:aws:iam::{ACCOUNT}:role/redshift"
        {more}
      }}
    }}
  }}
}}
"""

    assert terraform.apply(config()) == {address: ["create"]}
    assert terraform.apply(config(bucket_prefix="prefix")) == {address: ["update"]}
    arn = f"arn:aws:appflow:{REGION}:{ACCOUNT}:connectorprofile/{name}"
    # Credentials cannot be read back, so the first plan after an import sends them once more, and then there is nothing to do.
    again = terraform.imported(address, arn)
    assert again.returncode == 2 and "0 to add, 1 to change, 0 to destroy" in again.stdout, again.stdout + again.stderr
    assert terraform.apply(config(bucket_prefix="prefix")) == {address: ["update"]}
    live.boto().delete_connector_profile(connectorProfileName=name)
    assert terraform.apply(config()) == {address: ["create"]}
    terraform.destroy()
    assert live.boto().describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"] == []
