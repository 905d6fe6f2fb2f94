// Package main is the Spark operator in the version that the GitOps Applications install, and the renderer of its Helm chart:
// the first argument picks the component (controller, webhook or chart), the rest are its own.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/kubeflow/spark-operator/v2/cmd/operator/controller"
	"github.com/kubeflow/spark-operator/v2/cmd/operator/webhook"
	"github.com/spf13/cobra"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

func main() {
	command := &cobra.Command{Use: "spark-operator", SilenceUsage: true}
	command.AddCommand(controller.NewCommand(), webhook.NewCommand(), chartCommand())
	if err := command.Execute(); err != nil {
		os.Exit(1)
	}
}

// chartCommand prints the manifests that `helm template` would, for values that come as JSON on standard input.
func chartCommand() *cobra.Command {
	var release chartutil.ReleaseOptions
	command := &cobra.Command{
		Use:  "chart FOLDER",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, arguments []string) error {
			manifests, err := render(arguments[0], release)
			fmt.Print(manifests)
			return err
		},
	}
	command.Flags().StringVar(&release.Name, "release", "spark-operator", "name of the release")
	command.Flags().StringVar(&release.Namespace, "namespace", "spark-operator", "namespace of the release")
	return command
}

func render(folder string, release chartutil.ReleaseOptions) (string, error) {
	chart, err := loader.Load(folder)
	if err != nil {
		return "", err
	}
	var values map[string]any
	if err := json.NewDecoder(os.Stdin).Decode(&values); err != nil {
		return "", fmt.Errorf("the values on standard input are no JSON object: %w", err)
	}
	release.IsInstall = true
	all, err := chartutil.ToRenderValues(chart, values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return "", err
	}
	names := make([]string, 0, len(files))
	for name := range files {
		if strings.HasSuffix(name, ".yaml") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var manifests strings.Builder
	for _, name := range names {
		manifests.WriteString("---\n" + files[name] + "\n")
	}
	return manifests.String(), nil
}
