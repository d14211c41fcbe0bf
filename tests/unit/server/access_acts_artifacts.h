/* What is done to artifacts and their collections: rows of the table in access_acts.h, which includes this in
 * their middle. */
/* clang-format off */
    { "createArtifact", ROLE_MEMBER,
      "mutation{createArtifact(input:{entityName:\"<entity>\",projectName:\"p\",artifactTypeName:\"t\","
      "artifactCollectionName:\"n\",digest:\"d\"}){artifact{id}}}",
      "" },
    { "createArtifactManifest", ROLE_MEMBER,
      "mutation{createArtifactManifest(input:{artifactID:\"<artifact>\",name:\"m\",digest:\"\",entityName:"
      "\"<entity>\",projectName:\"p\",runName:\"<run>\"}){artifactManifest{id}}}",
      "" },
    { "updateArtifactManifest", ROLE_MEMBER,
      "mutation{updateArtifactManifest(input:{artifactManifestID:\"<manifest>\",digest:\"\"}){"
      "artifactManifest{id}}}",
      "" },
    { "createArtifactFiles", ROLE_MEMBER,
      "mutation{createArtifactFiles(input:{artifactFiles:[{artifactID:\"<artifact>\",name:\"f\",md5:"
      "\"1B2M2Y8AsgTpgAmY7PhCfg==\"}]}){files{edges{node{uploadUrl}}}}}",
      "" },
    { "completeMultipartUploadArtifact", ROLE_MEMBER,
      "mutation{completeMultipartUploadArtifact(input:{completeMultipartAction:Abort,completedParts:[],"
      "artifactID:\"<whole>\",storagePath:\"\",uploadID:\"<upload>\"}){digest}}",
      "" },
    { "commitArtifact", ROLE_MEMBER,
      "mutation{commitArtifact(input:{artifactID:\"<whole>\"}){artifact{state}}}", "" },
    { "useArtifact", ROLE_MEMBER,
      "mutation{useArtifact(input:{entityName:\"<entity>\",projectName:\"p\",runName:\"<run>\",artifactID:"
      "\"<artifact>\"}){artifact{id}}}",
      "" },
    { "linkArtifact", ROLE_MEMBER,
      "mutation{linkArtifact(input:{artifactID:\"<committed>\",entityName:\"<entity>\",projectName:\"p\","
      "artifactPortfolioName:\"new <run>\"}){versionIndex}}",
      "" },
    { "unlinkArtifact", ROLE_MEMBER,
      "mutation{unlinkArtifact(input:{artifactID:\"<committed>\",artifactPortfolioID:\"<portfolio>\"}){"
      "success}"
      "}",
      "" },
    { "updateArtifact", ROLE_MEMBER,
      "mutation{updateArtifact(input:{artifactID:\"<artifact>\",description:\"x\"}){artifact{description}}}",
      "" },
    { "addAliases", ROLE_MEMBER,
      "mutation{addAliases(input:{artifactID:\"<artifact>\",aliases:[]}){success}}", "" },
    { "deleteAliases", ROLE_MEMBER,
      "mutation{deleteAliases(input:{artifactID:\"<artifact>\",aliases:[]}){success}}", "" },
    { "deleteArtifact", ROLE_MEMBER,
      "mutation{deleteArtifact(input:{artifactID:\"<own artifact>\"}){artifact{state}}}", "" },
    { "deleteArtifact.of others", ROLE_ADMIN,
      "mutation{deleteArtifact(input:{artifactID:\"<artifact>\"}){artifact{state}}}", "" },

    { "updateArtifactSequence", ROLE_MEMBER,
      "mutation{updateArtifactSequence(input:{artifactSequenceID:\"<collection>\",description:\"x\"}){"
      "artifactCollection{description}}}",
      "" },
    { "updateArtifactPortfolio", ROLE_MEMBER,
      "mutation{updateArtifactPortfolio(input:{artifactPortfolioID:\"<portfolio>\",description:\"x\"}){"
      "artifactCollection{description}}}",
      "" },
    { "moveArtifactSequence", ROLE_MEMBER,
      "mutation{moveArtifactSequence(input:{artifactSequenceID:\"<collection>\","
      "destinationArtifactTypeName:\"t2\"}){artifactCollection{name}}}",
      "" },
    { "createArtifactCollectionTagAssignments", ROLE_MEMBER,
      "mutation{createArtifactCollectionTagAssignments(input:{entityName:\"<entity>\",projectName:\"p\","
      "artifactCollectionName:\"c <run>\",tags:[{tagName:\"x<client>\"}]}){tags{name}}}",
      "" },
    { "deleteArtifactCollectionTagAssignments", ROLE_MEMBER,
      "mutation{deleteArtifactCollectionTagAssignments(input:{entityName:\"<entity>\",projectName:\"p\","
      "artifactCollectionName:\"c <run>\",tags:[{tagName:\"x<client>\"}]}){success}}",
      "" },
    { "deleteArtifactSequence", ROLE_MEMBER,
      "mutation{deleteArtifactSequence(input:{artifactSequenceID:\"<own collection>\"}){artifactCollection{"
      "state}}}",
      "" },
    { "deleteArtifactSequence.of others", ROLE_ADMIN,
      "mutation{deleteArtifactSequence(input:{artifactSequenceID:\"<collection>\"}){artifactCollection{"
      "state}}}",
      "" },
    { "deleteArtifactPortfolio", ROLE_MEMBER,
      "mutation{deleteArtifactPortfolio(input:{artifactPortfolioID:\"<portfolio>\"}){"
      "artifactCollection{state}}}",
      "" },
