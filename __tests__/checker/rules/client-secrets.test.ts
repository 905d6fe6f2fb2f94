import { credentialForms } from '../../../lib/checker/facts/credentials';

describe('a command that gives a MinIO client its secret key', () => {
  test.each([
    ['mc alias set m http://minio:9000 minioadmin minioadmin123'],
    ['mc alias set m "http://minio:9000" minioadmin "minioadmin123"'],
    ['until mc alias set m http://minio:9000 minioadmin minioadmin123 && true; do sleep 1; done'],
    ['mc --insecure alias set m https://minio:9000 minioadmin minioadmin123 --api S3v4'],
    ['mc alias set m http://minio:9000 \\\n   minioadmin \\\n  s3cr3tkey'],
    ['mc alias set m $URL minioadmin s3cr3tkey'],
    ['mc config host add m http://minio:9000 minioadmin s3cr3tkey'],
    ['mc alias set m http://minio:9000 $(cat /a) s3cr3tkey'],
  ])('%j holds it as it is', text => {
    expect(credentialForms(text)).toEqual([
      { what: 'the secret key of a MinIO client', level: 'error', innerLine: 0 },
    ]);
  });

  test.each([
    ['mc alias set m http://minio:9000 $(cat /creds/a b) $(cat /creds/b)'],
    ['mc alias set m http://minio:9000 `cat /creds/a` `cat /creds/b`'],
    ['mc alias set m http://minio:9000 "$(cat /a)" "$(cat /b)"'],
    ['mc alias set m http://minio:9000 "$A" "$B"; mc mb m/x'],
    [`mc alias set m http://minio:9000 minio "\${B}"`],
    [`mc alias set m http://minio:9000 \${A:-x y} \${B:-}`],
    [
      "mc alias set m http://minio:9000 $(kubectl get secret s -o jsonpath='{.data.x}' | base64 -d) $(kubectl get secret s -o jsonpath='{.data.y}' | base64 -d)",
    ],
    ['mc alias set m http://minio:9000 $(< /a) $(< /b)'],
    ['mc alias set m http://minio:9000 <(cat x) $(echo $(cat /y))'],
    ['mc alias set m http://minio:9000 minioadmin `cat /b`'],
    ['mc alias set m http://minio:9000\nfoo bar baz'],
    ['mc alias list\nmc ls m'],
    ['mc alias set m http://minio:9000 $MINIO_ROOT_USER $MINIO_ROOT_PASSWORD'],
    ['mc alias set m http://minio:9000 <user> <password>'],
    ['mc alias set m http://minio:9000 {{ .Values.a }} {{ .Values.b }}'],
    ['mc alias set m http://minio:9000 %(user)s %(secret)s'],
  ])('%j takes it from elsewhere', text => {
    expect(credentialForms(text)).toEqual([]);
  });
});
