# Makes the buckets, lifecycle rules, policies and users of one MinIO store. Running it again changes nothing.
# Usage: sh setup.sh FILES USERS
#   FILES  folder with buckets (one name a line), lifecycle-<bucket>.json, policy-<client>.json
#   USERS  folder with <client>-access-key and <client>-secret-key
# Environment: MINIO_URL, MINIO_ROOT_USER, MINIO_ROOT_PASSWORD, MC_CONFIG_DIR
set -eu
files=$1
users=$2

attempt=1
until answer=$(printf '%s\n%s\n' "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" | mc alias set store "$MINIO_URL" 2>&1); do
  if [ "$attempt" -ge 30 ]; then
    echo "object store $MINIO_URL does not accept the root credentials or does not answer: $answer" >&2
    exit 1
  fi
  attempt=$((attempt + 1))
  sleep 2
done

while read -r bucket; do
  mc mb --ignore-existing "store/$bucket"
  if [ -f "$files/lifecycle-$bucket.json" ]; then
    mc ilm rule import "store/$bucket" <"$files/lifecycle-$bucket.json"
  elif mc ilm rule ls "store/$bucket" >/dev/null 2>&1; then
    mc ilm rule rm --all --force "store/$bucket"
  fi
done <"$files/buckets"

for policy in "$files"/policy-*.json; do
  [ -f "$policy" ] || continue
  client=${policy##*/policy-}
  client=${client%.json}
  mc admin policy create store "$client" "$policy"
  printf '%s\n%s\n' "$(cat "$users/$client-access-key")" "$(cat "$users/$client-secret-key")" | mc admin user add store
  # Attaching a policy that is attached is an error; the user's entry says whether it is.
  case "$(mc admin user info store "$(cat "$users/$client-access-key")" --json)" in
    *"\"policyName\":\"$client\""*) ;;
    *) mc admin policy attach store "$client" --user "$(cat "$users/$client-access-key")" ;;
  esac
done
echo "object store $MINIO_URL has its buckets and users"
